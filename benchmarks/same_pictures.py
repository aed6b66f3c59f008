"""Draws a fixed list of small pictures and prints the sha256 of each one's pixels and metadata.

It tells whether a change of the code changed a picture. Run it before and after, on the same machine:

    python benchmarks/same_pictures.py --write before.json
    python benchmarks/same_pictures.py --compare before.json

The list: every preset, start, method and generator, filters and losses, several prompts, an image prompt, `vary`,
`morph`, `edit` with and without a mask, a batch with a grid, and two plugins given by file. One thread, float32, few
steps. `--model` names the pair to draw with, so that new weights do not hide what the code changed. With `--compare`
the exit code is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image

import pixgen
from pixgen import registry
from pixgen.io import image_files

ROOT = Path(__file__).resolve().parent.parent

QUICK: dict[str, Any] = {"size": "64x64", "steps": 3, "seed": 5, "threads": 1, "precision": "float32", "cutouts": 4}

LOSS = """
from dataclasses import dataclass

from pixgen.contracts import Loss
from pixgen.registry import register


@register("loss", "net_warm")
@dataclass
class NetWarm(Loss):
    reads = "images"
    margin: float = 0.2

    def __call__(self, frame):
        red, _, blue = frame.images.mean(dim=(2, 3)).unbind(1)
        return (blue - red + self.margin).clamp(min=0)
"""

FILTER = """
from dataclasses import dataclass

from pixgen.contracts import Filter
from pixgen.registry import register


@register("filter", "net_dim")
@dataclass
class NetDim(Filter):
    share: float = 0.8

    def __call__(self, images, step, streams):
        return images * self.share
"""


def drawings() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, prompt and options of every picture that `pixgen.generate` draws."""
    for preset in sorted(path.stem for path in (ROOT / "presets").glob("*.yaml")):
        yield f"preset {preset}", "a red apple on a blue background", {"preset": preset}
    for start in ("random", "bank", "dalle1", "dalle2"):
        options: dict[str, Any] = {"start.candidates": 2} if start.startswith("dalle") else {}
        yield f"start {start}", "a fox in the snow", {"start": start, **options}
        yield f"start {start} large", "a yellow deer", {"start": start, "size": "96x128", **options}
    yield "start image", "a fox", {"start": {"type": "image", "path": str(ROOT / "docs" / "apple.png")}}
    for method in ("dalle1", "dalle2"):
        yield f"method {method}", "a red fox", {"method": method, "start.candidates": 2}
    for generator in ("vqgan", "multires", "pixel"):
        yield f"generator {generator}", "a lighthouse", {"generator": generator, "start": "random"}
    prompts = "a red fox | in the snow :0.5 | text :-0.3"
    yield "several prompts", prompts, {"chunk": 2}
    yield "choice", "a {cat|dog} on a {red|blue} chair", {"count": 2}
    yield "image prompt", f"image:{ROOT / 'docs' / 'apple.png'} | in the snow :0.5", {}
    yield "portrait", "a closeup oil portrait of an old male teacher of mathematics in front of a blackboard", {}
    yield "portuguese", "um retrato em aquarela de uma professora jovem com um livro", {}
    yield "two things", "a red cat and a white dog on a beach", {"size": "128x128"}
    yield "two pictures in a batch", "a castle at night", {"count": 2, "batch": 2}
    yield (
        "stages",
        "a rocket",
        {"start": "random", "stages": [{"steps": 0.5, "size": 0.5}, {"steps": 0.5, "size": 1.0}]},
    )
    yield "sgd", "a rocket", {"optimizer": {"type": "SGD", "lr": {"type": "cosine", "start": 1.0, "end": 0.1}}}
    losses = {"warm": {"type": "net_warm", "weight": 2.0}}
    yield "plugins by file", "a house by the sea", {"losses": losses, "filters": {"dim": {"type": "net_dim"}}}


def picture(image: Image.Image, about: Any) -> dict[str, str]:
    """The hashes of one picture."""
    pixels = np.asarray(image.convert("RGBA")).tobytes()
    told = json.dumps(asdict(about), sort_keys=True).replace(str(ROOT), "ROOT")
    return {"pixels": digest(pixels), "metadata": digest(told.encode())}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def draw(model: str | None, keep: Path | None, say: Callable[[str], object]) -> dict[str, dict[str, str]]:
    """The hashes of every picture, by name."""
    found: dict[str, dict[str, str]] = {}
    torch.set_num_threads(1)

    def note(name: str, pictures: Any) -> None:
        for i, (image, about) in enumerate(zip(pictures.images, pictures.metadata)):
            found[f"{name} {i}" if len(pictures.images) > 1 else name] = picture(image, about)
            if keep:
                image.save(keep / f"{name.replace(' ', '-')}-{i}.png")
        say(f"{name}: {found[f'{name} 0' if len(pictures.images) > 1 else name]['pixels']}")

    with tempfile.TemporaryDirectory() as folder:
        _plugins(Path(folder))
        for name, prompt, options in drawings():
            note(name, pixgen.generate(prompt, **({"model": model} | QUICK | options)))
        apple, teacher = ROOT / "docs" / "apple.png", ROOT / "docs" / "teacher.png"
        pair: dict[str, Any] = {"model": model or "", "seed": 5}
        note("vary", pixgen.vary(apple, count=2, **pair))
        note("vary with steps", pixgen.vary(apple, count=1, steps=3, size=128, **pair))
        morphed = pixgen.morph(apple, teacher, frames=3, steps=2, **pair)
        found["morph"] = picture(morphed.strip.image, morphed.strip.about)
        mask = Path(folder) / "mask.png"
        pixels = np.zeros((256, 256), np.uint8)
        pixels[64:192, 64:192] = 255
        Image.fromarray(pixels).save(mask)
        note("edit", pixgen.edit(apple, "a green apple", "a red apple", steps=3, size=128, **pair))
        masked = pixgen.edit(apple, "a green apple", "a red apple", mask=mask, steps=3, size=128, **pair)
        found["edit with a mask"] = {"pixels": picture(masked.images[0], masked.metadata[0])["pixels"]}
        found |= batch(Path(folder), model)
    return found


def batch(folder: Path, model: str | None) -> dict[str, dict[str, str]]:
    """The files of a batch with a grid, by a process of its own as a user starts it."""
    (folder / "list.txt").write_text("a red fox\na {cat|dog} in the snow\n")
    words = [
        "batch",
        "list.txt",
        "-o",
        "out",
        "--grid",
        "steps=2,3",
        "--size",
        "64x64",
        "--workers",
        "1",
        "--threads",
        "1",
    ]
    words += ["--model", model] if model else []
    command = [sys.executable, "-m", "pixgen", *words, "precision=float32", "cutouts=4", "--quiet", "--no-sheet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    found = {}
    for path in sorted((folder / "out").rglob("*.png")):
        pixels = np.asarray(image_files.load(path).convert("RGBA")).tobytes()
        told = image_files.info(path)["pixgen"]
        found[f"batch {path.name}"] = {"pixels": digest(pixels), "metadata": digest(told.encode())}
    return found


def _plugins(folder: Path) -> None:
    """Registers the two plugins from files, as `--plugin` does."""
    for name, source in (("net_warm", LOSS), ("net_dim", FILTER)):
        path = folder / f"{name}.py"
        path.write_text(source)
        registry.load_file(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="the pair to draw with: a folder, by default the one that comes with pixgen")
    parser.add_argument("--write", type=Path, metavar="FILE.json", help="keep the hashes in this file")
    parser.add_argument("--compare", type=Path, metavar="FILE.json", help="say what differs from these hashes")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="keep the pictures too")
    options = parser.parse_args()
    os.environ.setdefault("PIXGEN_HOME", tempfile.mkdtemp())  # nobody's own settings
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    found = draw(options.model, options.pictures, lambda line: print(line, flush=True))
    if options.write:
        options.write.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    if not options.compare:
        return 0
    before = json.loads(options.compare.read_text())
    differing = [
        f"{name}: {key} differ"
        for name in before
        for key in before[name]
        if found.get(name, {}).get(key) != before[name][key]
    ]
    print("\n".join(differing) or f"all {len(before)} pictures are the same, bytes and metadata")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
