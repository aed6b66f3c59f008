"""The small pictures of the presets on the page of `pixgen ui`, made from those of the gallery.

python benchmarks/preset_thumbnails.py      after `python benchmarks/gallery.py`
"""

from __future__ import annotations

import io
import sys

from drawings import ROOT
from PIL.Image import Resampling

from pixgen.io import files, image_files
from pixgen.settings import layers
from pixgen.ui import presets

SIDE = 144
"""Pixels; they are shown at half of that, which is sharp on a dense screen too."""


def main() -> int:
    """Exit code 1 where the gallery lacks a preset."""
    missing = []
    for name in layers.preset_names():
        picture = ROOT / "docs" / "gallery" / f"{name}.webp"
        if not picture.is_file():
            missing.append(name)
            continue
        buffer = io.BytesIO()
        small = image_files.load(picture).convert("RGB").resize((SIDE, SIDE), Resampling.LANCZOS)
        small.save(buffer, "WEBP", quality=82, method=6)
        files.write(presets.folder() / f"{name}{presets.SUFFIX}", buffer.getvalue(), overwrite=True)
    if missing:
        print(f"the gallery has no {', '.join(missing)}: python benchmarks/gallery.py", file=sys.stderr)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
