"""pip, asked for wheels, and what its answers mean."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pixgen.bundle.targets import Target
from pixgen.errors import PixgenError

TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where torch's builds without CUDA are; the package index has only the one with it for Linux, of two gigabytes."""

_MISSING = re.compile(r"(?:No matching distribution found for|satisfies the requirement) ([^\s(]+)")
_NO_ROOM = ("No space left on device", "not enough space on the disk", "Disk quota exceeded")
_NO_NETWORK = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError|connection broken")


def require() -> None:
    """Raise PixgenError where this Python has no pip."""
    if importlib.util.find_spec("pip") is None:
        raise PixgenError(f"{sys.executable} has no pip, which fetches the packages: run {sys.executable} -m ensurepip")


def download(wanted: list[str], target: Target, folder: Path) -> None:
    """Fetch a wheel of each requirement into the folder, without what it requires itself.

    What has no wheel is built, which a pure package can be for any target. Raises PixgenError that names the package.
    """
    waiting = list(wanted)
    while waiting:
        said = _run("download", *target.pip_options(), *_finding(waiting, folder), "--dest", str(folder), *waiting)
        if said is None:
            return
        name = _missing(said, waiting)
        if name is None:
            named = waiting[0] if len(waiting) == 1 else f"one of {len(waiting)} packages, {waiting[0]} the first,"
            raise _failure(named, target, said, folder)
        waiting.remove(name)
        if name.startswith("torch==") and "+cpu" in name:
            _torch(name, target, folder)
        else:
            _build(name, target, folder, said)


def build(tree: Path, folder: Path) -> None:
    """Build the wheel of a source tree into the folder."""
    said = _run("wheel", "--wheel-dir", str(folder), str(tree))
    if said is not None:
        raise _explained("cannot build pixgen's own wheel", "", said, folder)


def _torch(requirement: str, target: Target, folder: Path) -> None:
    """torch without CUDA, from its own index; the requirement alone stands for what the index at hand does not have."""
    more = ["--extra-index-url", TORCH_INDEX, "--dest", str(folder)]
    said = _run("download", *target.pip_options(), *more, requirement)
    if said is not None:
        raise _failure(requirement, target, said, folder)


def _build(requirement: str, target: Target, folder: Path, said: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        failed = _run("wheel", *_finding([requirement], folder), "--wheel-dir", temporary, requirement)
        built = next(Path(temporary).glob("*.whl"), None)
        if failed is not None or built is None:
            raise _failure(requirement, target, f"{said}\n{failed or ''}", folder)
        if not target.is_here and not built.name.endswith("-none-any.whl"):
            why = f"there is no wheel of {requirement} for {target}, and here it can only be built for this machine"
            raise PixgenError(f"{why}; make the bundle on such a machine")
        try:
            (folder / built.name).write_bytes(built.read_bytes())
        except OSError as error:
            raise _failure(requirement, target, str(error), folder) from error


def _finding(wanted: list[str], folder: Path) -> list[str]:
    return ["--find-links", str(folder)]  # what is there already is not fetched again


def _run(command: str, *words: str) -> str | None:
    """Run a command of pip; None where it did well, else what it said."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    done = subprocess.run(
        [*pip, command, "--no-deps", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    return None if done.returncode == 0 else done.stdout


def _missing(said: str, waiting: list[str]) -> str | None:
    """Which of the requirements pip did not find."""
    names = {requirement.replace(" ", ""): requirement for requirement in waiting}
    return next((names[found] for found in _MISSING.findall(said) if found in names), None)


def _failure(wanted: str, target: Target, said: str, folder: Path) -> PixgenError:
    return _explained(f"cannot get {wanted}", f" for {target}", said, folder)


def _explained(what: str, where: str, said: str, folder: Path) -> PixgenError:
    if any(words in said for words in _NO_ROOM):
        return PixgenError(
            f"no room for the packages in {folder} or {tempfile.gettempdir()}; make room and run it again"
        )
    if _NO_NETWORK.search(said):
        again = "connect to the internet and run the same command again, which keeps what is there"
        return PixgenError(f"{what}: the package index cannot be reached; {again}")
    errors = re.findall(r"^ *(?:ERROR|error): (?!subprocess-exited)(.+)$", said, re.MULTILINE)
    why = errors[-1] if errors else said.strip().rpartition("\n")[2] or "pip says nothing"
    return PixgenError(f"{what}{where}: {why}; see `pip config list` for the index in use")
