"""Draws docs/explained.webp: parts of what `pixgen explain docs/apple.png` shows.

python benchmarks/explained.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from pixgen.io import image_files
from pixgen.io.sheet import Sheet, font

DOCS = Path(__file__).parent.parent / "docs"
TILE, COLUMNS = 190, 6
ROWS = ("steps", "what CLIP is shown", "where it finds the words", "codes, and what looks real")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "page")
        command = ["explain", str(DOCS / "apple.png"), "-o", str(place), "--language", "en", "--quiet"]
        subprocess.run([sys.executable, "-m", "pixgen", *command], check=True, stdout=subprocess.DEVNULL)
        steps = sorted(place.glob("step-*.png"))
        losses = sorted(place.glob("loss-*.png"))
        maps = sorted(place.glob("map-*.png"))
        shown = [
            [steps[round(i * (len(steps) - 1) / (COLUMNS - 1))] for i in range(COLUMNS)],
            [place / "cutouts-where.png", place / "cutouts.png", *losses[: COLUMNS - 2]],
            maps[:COLUMNS],
            [place / "codes.png", place / "codes-together.png", place / "patches.png"],
        ]
        sheet = Sheet(COLUMNS, len(ROWS), TILE, gap=10, over=24, font=font(14))
        for row, (title, files) in enumerate(zip(ROWS, shown, strict=True)):
            left, top = sheet.corner(0, row)
            sheet.write((left, top - 20), title)
            for column, file in enumerate(files):
                sheet.paste(column, row, image_files.load(file).convert("RGB"), keep_shape=True)
        sheet.save(DOCS / "explained.webp", quality=88)


if __name__ == "__main__":
    main()
