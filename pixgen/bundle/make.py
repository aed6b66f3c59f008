"""The folder to carry: wheels, the notebooks of the lesson, two pictures, and how to install from it."""

from __future__ import annotations

import configparser
import errno
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.requirements import Requirement

from pixgen.bundle import pip, readme, wheels
from pixgen.bundle.targets import Target
from pixgen.errors import PixgenError, UsageError, did_you_mean, reason

RECORD = "bundle.json"
"""What is in a bundle; by it a later run knows the folder for its own."""

BUILT_FROM = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "pixgen", "configs", "presets")
PICTURES = ("docs/apple.png", "docs/teacher.png")


def source() -> Path:
    """pixgen's own folder: the checkout that runs, or the one from which pixgen was installed.

    Raises UsageError where there is none.
    """
    places = [Path(__file__).resolve().parents[2], Path.cwd()]
    try:
        said = json.loads(metadata.distribution("pixgen").read_text("direct_url.json") or "{}")
        address = urlsplit(said.get("url", ""))
        if address.scheme == "file":
            places.insert(1, Path(url2pathname(address.path)))
    except (metadata.PackageNotFoundError, ValueError):
        pass
    for place in places:
        if all((place / name).exists() for name in (*BUILT_FROM, "constraints.txt")):
            return place
    raise UsageError("a bundle is made from pixgen's own folder, the one with setup.cfg: run the command in it")


def make(folder: Path, targets: Sequence[Target], extras: Sequence[str], say: Callable[[str], object]) -> list[Path]:
    """Make the bundle, or bring up to date the one that is there; gives its files.

    say: called with a line about each part. Raises UsageError for a folder that has other files, PixgenError for a
    package that could not be had, and where there is no room. What was fetched until then stays for the next run.
    """
    pip.require()
    tree = source()
    _require_extras(tree, extras)
    _require_own(folder)
    try:
        (folder / "wheels").mkdir(parents=True, exist_ok=True)
        _record(folder, targets, extras, [])
        say("building pixgen's own wheel")
        root = _own_wheel(tree, folder / "wheels", extras)
        pinned = {**wheels.pins(tree / "constraints.txt"), "pixgen": str(root.specifier).removeprefix("==")}
        needed: set[Path] = set()
        for target in targets:
            count = 0

            def progress(number: int, target: Target = target) -> None:
                nonlocal count
                count = number
                say(f"{target}: {number} packages so far")

            needed |= {wheel.path for wheel in wheels.collect(root, target, pinned, folder / "wheels", progress)}
            say(f"{target}: complete, {count} packages")
        for path in (folder / "wheels").glob("*.whl"):
            if path not in needed:
                path.unlink()
        notebooks = _copied(sorted((tree / "docs").glob("*.ipynb")), folder / "notebooks")
        _copied([tree / name for name in PICTURES], folder / "pictures")
        version = pinned["pixgen"]
        for name, text in readme.texts(version, targets, extras, [path.name for path in notebooks]).items():
            # Notepad of older Windows knows UTF-8 by its mark.
            (folder / name).write_text(text, encoding="utf-8-sig", newline="\r\n")
        _record(folder, targets, extras, sorted(path.name for path in needed))
    except OSError as error:
        way_out = "make room" if error.errno == errno.ENOSPC else "choose another folder"
        raise PixgenError(f"cannot write to {folder}: {reason(error).lower()}; {way_out} and run it again") from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _require_extras(tree: Path, extras: Sequence[str]) -> None:
    setup = configparser.ConfigParser()
    setup.read(tree / "setup.cfg", encoding="utf-8")
    known = list(setup["options.extras_require"])
    if wrong := next((name for name in extras if name not in known), None):
        hint = did_you_mean(wrong, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"there is no extra {wrong!r}{hint}")


def _require_own(folder: Path) -> None:
    if folder.is_dir() and not (folder / RECORD).is_file() and any(folder.iterdir()):
        raise UsageError(f"{folder} has other files in it, and a bundle needs a folder of its own; name a new one")
    if taken := next((place for place in (folder, *folder.parents) if place.exists() and not place.is_dir()), None):
        raise UsageError(f"{taken} is a file, and a folder is needed; name another")


def _own_wheel(tree: Path, folder: Path, extras: Sequence[str]) -> Requirement:
    """Build the wheel of the tree, from a copy, for building leaves files there; gives what installs it."""
    with tempfile.TemporaryDirectory(prefix="pixgen-bundle-") as temporary:
        copy = Path(temporary) / "tree"
        copy.mkdir()
        for name in BUILT_FROM:
            place = tree / name
            if place.is_dir():
                shutil.copytree(place, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(place, copy / name)
        made = Path(temporary) / "made"
        pip.build(copy, made)
        (built,) = made.glob("*.whl")
        shutil.copy(built, folder / built.name)
    with_extras = f"[{','.join(extras)}]" if extras else ""
    return Requirement(f"pixgen{with_extras}=={built.name.split('-')[1]}")


def _copied(paths: Sequence[Path], folder: Path) -> list[Path]:
    if paths:
        folder.mkdir(exist_ok=True)
    return [Path(shutil.copy(path, folder / path.name)) for path in paths]


def _record(folder: Path, targets: Sequence[Target], extras: Sequence[str], names: Sequence[str]) -> None:
    """wheels: empty until the bundle is complete."""
    about = {
        "targets": [{"platform": target.platform, "python": target.python} for target in targets],
        "extras": list(extras),
        "wheels": list(names),
    }
    (folder / RECORD).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
