"""Redraws every picture of the documentation that is stale, by one command that resumes.

    python benchmarks/redraw.py --list                        what is stale, and why; draws nothing
    python benchmarks/redraw.py --cache runs/cache            all that is stale
    python benchmarks/redraw.py teacher gallery               these alone, if they are stale

`benchmarks/pictures.yaml` has every picture with its command, its seed and the networks it depends on;
`docs/drawn_with.json` records with which weights and by which command each was drawn. A picture is stale where one of
them has changed, or a file is missing. A blind test's sheet stays stale until somebody has named its pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from blind_tests import UNNAMED
from drawings import ROOT, weights

from pixgen.io import files

REGISTRY = Path(__file__).with_name("pictures.yaml")
RECORD = ROOT / "docs" / "drawn_with.json"
DIGITS = 16
"""Hexadecimal digits of a hash in the record."""


@dataclass(frozen=True)
class Item:
    """Pictures that one list of commands makes; see `pictures.yaml`."""

    name: str
    pictures: Sequence[str]
    weights: Sequence[str]
    seed: Any
    commands: Sequence[str]

    def said(self) -> list[str]:
        """Its commands with the seed in them, as the record has them."""
        return [command.replace("{seed}", str(self.seed)) for command in self.commands]

    def record(self, hashes: Mapping[str, str]) -> dict[str, Any]:
        """What its pictures are drawn with now."""
        return {"commands": self.said(), "weights": {name: hashes[name][:DIGITS] for name in self.weights}}

    def files(self) -> list[Path]:
        """The pictures that are there."""
        return sorted(path for pattern in self.pictures for path in ROOT.glob(pattern))

    def stale(self, recorded: Mapping[str, Any] | None, hashes: Mapping[str, str]) -> str:
        """Why its pictures are not what its commands would draw now; empty where they are."""
        if missing := [pattern for pattern in self.pictures if not list(ROOT.glob(pattern))]:
            return f"{', '.join(missing)} is missing"
        if recorded is None:
            return "nothing is recorded of how it was drawn"
        now = self.record(hashes)
        if recorded["commands"] != now["commands"]:
            return "drawn by another command"
        changed = [name for name, digest in now["weights"].items() if recorded["weights"].get(name) != digest]
        return f"drawn with another {' and '.join(changed)}" if changed else ""


def registry(path: Path = REGISTRY) -> list[Item]:
    """All items in their order."""
    return [Item(name, **values) for name, values in yaml.safe_load(path.read_text()).items()]


def recorded() -> dict[str, Any]:
    """What every item was drawn with, by name."""
    found: dict[str, Any] = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    return found


def draw(item: Item, cache: Path) -> int:
    """Run its commands; the exit code of the first that fails, or 0."""
    with tempfile.TemporaryDirectory() as home:  # nobody's own settings
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIXGEN_HOME": home}
        for command in item.said():
            first, *words = shlex.split(command.replace("{cache}", shlex.quote(str(cache.resolve()))))
            program = [sys.executable] if first == "python" else [sys.executable, "-m", first]
            if code := subprocess.run([*program, *words], cwd=ROOT, env=environment).returncode:
                return code
    return 0


def redraw(items: Sequence[Item], cache: Path) -> dict[str, str]:
    """Draw the stale ones among these, recording each as it is done; what was left, and why."""
    left = {}
    for item in items:
        hashes = weights()
        if not (why := item.stale(recorded().get(item.name), hashes)):
            continue
        if any("{cache}" in command for command in item.commands) and not (cache / "index.json").is_file():
            left[item.name] = f"needs the sprites: `pixgen train data`, then --cache FOLDER (no {cache}/index.json)"
            continue
        print(f"{item.name}: {why}", flush=True)
        code = draw(item, cache)
        if code == UNNAMED:
            left[item.name] = "waits for the answers of a blind test"
        elif code:
            left[item.name] = f"a command ended with exit code {code}"
        else:
            known = recorded() | {item.name: item.record(hashes)}
            files.write(RECORD, (json.dumps(known, indent=1, sort_keys=True) + "\n").encode(), overwrite=True)
    return left


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where something stayed stale, 2 for a name that is not in the registry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="items of benchmarks/pictures.yaml  [default: all]")
    parser.add_argument("--list", action="store_true", help="say what is stale, and draw nothing")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"), help="folder of the sprites")
    options = parser.parse_args(argv)
    items = registry()
    known = [item.name for item in items]
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no item {', '.join(unknown)} (there are {', '.join(known)})")
    chosen = [item for item in items if item.name in (options.names or known)]
    if options.list:
        hashes, record = weights(), recorded()
        for item in chosen:
            print(f"{item.name:<26} {item.stale(record.get(item.name), hashes) or 'current'}")
        return 0
    left = redraw(chosen, options.cache)
    for name, why in left.items():
        print(f"{name} is still stale: {why}", file=sys.stderr)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
