"""What more scenes, width and steps bring: the prior trained over and over, one size changed at a time.

    python benchmarks/scaling.py RUN --cache CACHE --pool CLIP_RUN/pool.npy

The prior is the one network of the pair that trains in two minutes on one core. Prints a table for
`pixgen/training/README.md`; what was trained already is not trained again.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from pixgen.training import options, prior

BASE = {"scenes": 60_000, "width": 256, "pairs": 200_000}
OTHERS: dict[str, tuple[int, ...]] = {"scenes": (5_000, 20_000), "width": (64, 128, 512), "pairs": (50_000, 800_000)}


def sizes() -> list[dict[str, int]]:
    """The base, and the base with one size changed."""
    return [BASE, *({**BASE, name: value} for name, values in OTHERS.items() for value in values)]


def measured(run: Path, arguments: Sequence[str], size: dict[str, int]) -> dict[str, float]:
    """Train one prior, unless it is there; what its log says last of held-out pairs."""
    folder = run / "-".join(f"{name}{value}" for name, value in size.items())
    folder.mkdir(parents=True, exist_ok=True)
    for known in run.glob(f"*/embeddings-*-{size['scenes']}.npz"):
        if known.parent != folder and not (folder / known.name).exists():
            shutil.copyfile(known, folder / known.name)
    wanted = [word for name, value in size.items() for word in (f"--{name}", str(value))]
    prior.main(options.parse(prior.Options, [str(folder), *arguments, "--plain", "0", *wanted]))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    found: dict[str, float] = next(line for line in reversed(lines) if "sample" in line)
    return found


def table(rows: list[tuple[dict[str, int], dict[str, float]]]) -> str:
    lines = [
        "| scenes | width | pairs seen | ridge regression, cosine | the prior's sample | energy distance, x 1000 |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for size, found in rows:
        shown = " | ".join(f"{size[name]:,}" for name in BASE)
        lines.append(f"| {shown} | {found['ridge']:.3f} | {found['sample']:.3f} | {1000 * found['energy_drawn']:.1f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    known, arguments = parser.parse_known_args(argv)
    rows = [(size, measured(known.run, arguments, size)) for size in sizes()]
    print(table(rows))


if __name__ == "__main__":
    main()
