"""The photographs that scikit-image and scikit-learn carry in their wheels: read offline, nothing is fetched.

Both come with the extra `pixgen[photographs]`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

SKIMAGE = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png"),
    *("coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png", "moon.png"),
    *("motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png"),
)
"""Its other pictures are drawn (chessboards, a horse, a logo, a phantom), or the second of a stereo pair."""
SKLEARN = ("china.jpg", "flower.jpg")


def paths() -> list[Path]:
    """Where they lie: 21 files. The packages are found, not imported, for their pictures alone are wanted."""
    return [*_in("skimage", Path("data"), SKIMAGE), *_in("sklearn", Path("datasets", "images"), SKLEARN)]


def _in(package: str, folder: Path, names: tuple[str, ...]) -> list[Path]:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(
            "the photographs are not here; install them with: pip install -c constraints.txt '.[photographs]'"
        )
    return [Path(found.origin).parent / folder / name for name in names]
