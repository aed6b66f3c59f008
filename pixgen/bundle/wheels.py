"""All wheels that a target needs: pinned, followed through their requirements, and proven to be complete.

pip cannot do this for another system: it evaluates `sys_platform == "win32"` for the machine on which it runs, so that
a set made on Linux would lack what only Windows needs. Here the markers are the target's.
"""

from __future__ import annotations

import email
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from pixgen.bundle import pip
from pixgen.bundle.targets import Target
from pixgen.errors import PixgenError


@dataclass(frozen=True)
class Wheel:
    """A wheel file: whose it is, and what it requires."""

    path: Path
    name: str
    version: Version
    requires: tuple[Requirement, ...]


Wanted = dict[str, dict[str, Requirement]]
"""Canonical name -> every requirement of it, by its text."""


def pins(constraints: Path) -> dict[str, str]:
    """Canonical name -> version, of a file of `name==version` lines."""
    lines = [line.partition("#")[0].strip() for line in constraints.read_text(encoding="utf-8").splitlines()]
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, version in pairs}


def collect(
    root: Requirement, target: Target, pinned: Mapping[str, str], folder: Path, progress: Callable[[int], object]
) -> list[Wheel]:
    """Fetch into the folder what a target needs to install `root`, whose own wheel is there; gives all of it.

    progress: called with the number of packages so far. Raises PixgenError that names the package which could not be
    had, or two that do not fit each other.
    """
    wanted: Wanted = {}
    found: dict[str, Wheel] = {}
    followed: set[tuple[str, str]] = set()
    waiting = [root]
    while waiting:
        for requirement in waiting:
            wanted.setdefault(canonicalize_name(requirement.name), {})[str(requirement)] = requirement
        new = [name for name in wanted if name not in found]
        versions = {name: _version(name, wanted[name].values(), target, pinned) for name in new}
        missing = [words for name, words in versions.items() if _newest(folder, name, wanted[name], target) is None]
        if missing:
            pip.download(missing, target, folder)
        for name in new:
            wheel = _newest(folder, name, wanted[name], target)
            if wheel is None:
                raise PixgenError(f"{versions[name]} came without a wheel for {target}; report this line")
            found[name] = wheel
        progress(len(found))
        waiting = list(_follow(wanted, found, followed, target))
    _require_complete(wanted, found)
    return list(found.values())


def _follow(
    wanted: Wanted, found: Mapping[str, Wheel], followed: set[tuple[str, str]], target: Target
) -> Iterable[Requirement]:
    """What is required by the wheels and extras that were not followed yet."""
    environment = target.environment()
    asked = {(name, extra) for name, all_of in wanted.items() for one in all_of.values() for extra in ("", *one.extras)}
    for name, extra in sorted(asked - followed):
        followed.add((name, extra))
        for requirement in found[name].requires:
            if _holds(requirement, environment, extra):
                yield requirement


def _holds(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    if requirement.marker is None:
        return not extra
    try:
        holds = requirement.marker.evaluate({**environment, "extra": extra})
        return holds and not (extra and requirement.marker.evaluate({**environment, "extra": ""}))
    except UndefinedEnvironmentName:
        return False


def _version(name: str, requirements: Iterable[Requirement], target: Target, pinned: Mapping[str, str]) -> str:
    """What pip is asked for: the version that pixgen was tested with, or what the requirements leave."""
    if name == "torch" and name in pinned:
        # The build without CUDA: for Linux it has its own name, elsewhere it is the plain one, never `+cpu`.
        return f"torch=={pinned[name]}+cpu" if target.platform == "linux" else f"torch==={pinned[name]}"
    if name in pinned:
        return f"{name}=={pinned[name]}"
    return f"{name}{','.join(sorted({str(one) for each in requirements for one in each.specifier}))}"


def _newest(folder: Path, name: str, requirements: Mapping[str, Requirement], target: Target) -> Wheel | None:
    """The wheel in the folder that fits the target and all requirements, the newest of several."""
    takes = target.tags()
    fitting = []
    for path in folder.glob("*.whl"):
        try:
            whose, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        local = name == "torch" and (version.local == "cpu") != (target.platform == "linux")
        fits = all(one.specifier.contains(version, prereleases=True) for one in requirements.values())
        if whose == name and tags & takes and fits and not local:
            fitting.append((version, path))
    if not fitting:
        return None
    version, path = max(fitting)
    return Wheel(path, name, version, _requires(path))


def _requires(path: Path) -> tuple[Requirement, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            (about,) = (name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/METADATA"))
            text = archive.read(about).decode()
        lines = email.message_from_string(text).get_all("Requires-Dist") or []
        return tuple(Requirement(line) for line in lines)
    except (OSError, ValueError, zipfile.BadZipFile, InvalidRequirement) as error:
        raise PixgenError(f"{path} is damaged ({type(error).__name__}); remove it and run the command again") from error


def _require_complete(wanted: Wanted, found: Mapping[str, Wheel]) -> None:
    """Every requirement that any of them has is met by one of them."""
    for name, requirements in wanted.items():
        for text, requirement in requirements.items():
            if not requirement.specifier.contains(found[name].version, prereleases=True):
                raise PixgenError(f"{found[name].path.name} does not meet {text!r}; constraints.txt contradicts itself")
