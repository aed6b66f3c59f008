"""Pictures that Pixray saved, as pictures that pixgen can draw again."""

from __future__ import annotations

import secrets
from pathlib import Path

from pixgen.compat import pixray_import, pixray_reading, pixray_run
from pixgen.compat.imported import Imported
from pixgen.io.metadata import Metadata
from pixgen.io.resources import version
from pixgen.io.yaml_files import Layer
from pixgen.settings import config as configs
from pixgen.settings.layers import gather


def imported(path: Path) -> Imported | None:
    """pixgen's settings for a picture that Pixray saved with its own; None for any other picture."""
    if not pixray_reading.holds_settings(path):
        return None
    return pixray_import.convert(pixray_run.work_out(pixray_reading.read_picture(path), path.parent), path.parent)


def metadata_of(imported: Imported) -> Metadata:
    """What pixgen would have noted of such a picture. A seed that Pixray did not note is drawn."""
    layers = [Layer({"prompt": imported.prompt, **imported.settings}, "Pixray's settings")]
    config = configs.resolve(gather([], None, layers))
    seed = config.seed if isinstance(config.seed, int) else secrets.randbelow(2**32)
    values = configs.to_dict(config) | {"seed": seed}
    return Metadata(version(), imported.prompt, values, config.steps, config.steps, seed, config.size)
