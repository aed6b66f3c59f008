"""The machines that a bundle is for: which wheels they take, and what their markers say."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from packaging import markers, tags

PLATFORMS = ("windows", "macos", "linux")
"""64-bit Windows, macOS on Apple silicon, and Linux on x86-64."""

TITLES: Mapping[str, str] = {"windows": "Windows", "macos": "macOS", "linux": "Linux"}

_MACOS = (14, 0)
_GLIBC = 28
"""torch needs macOS 14 and glibc 2.28, which Debian 10, Ubuntu 18.10 and what came later have."""

_MARKERS: Mapping[str, Mapping[str, str]] = {
    "windows": {
        "os_name": "nt", "sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64",
    },
    "macos": {
        "os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64",
    },
    "linux": {
        "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A platform of `PLATFORMS` with a version of Python, as "3.11"."""

    platform: str
    python: str

    def __str__(self) -> str:
        return f"{TITLES[self.platform]}, Python {self.python}"

    @property
    def is_here(self) -> bool:
        """Whether this machine, with the Python that runs, is one of these."""
        return self == here()

    def environment(self) -> dict[str, str]:
        """What `packaging` evaluates the markers of requirements with."""
        common = {name: str(value) for name, value in markers.default_environment().items()}
        if self.is_here:
            return common
        version = {"python_version": self.python, "python_full_version": f"{self.python}.0"}
        names = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
        return {**common, "platform_release": "", "platform_version": "", **version, **names, **_MARKERS[self.platform]}

    def tags(self) -> set[tags.Tag]:
        """The tags of the wheels that can be installed there."""
        if self.is_here:
            return set(tags.sys_tags())
        version = tuple(int(part) for part in self.python.split("."))
        interpreter, places = f"cp{version[0]}{version[1]}", self.wheel_platforms()
        found = set(tags.cpython_tags(version, [interpreter], places))
        return found | set(tags.compatible_tags(version, interpreter, places))

    def wheel_platforms(self) -> list[str]:
        """The platform tags, the best first."""
        if self.platform == "windows":
            return ["win_amd64"]
        if self.platform == "macos":
            return list(tags.mac_platforms(_MACOS, "arm64"))
        old = {17: ["manylinux2014_x86_64"], 12: ["manylinux2010_x86_64"], 5: ["manylinux1_x86_64"]}
        return [name for minor in range(_GLIBC, 4, -1) for name in (f"manylinux_2_{minor}_x86_64", *old.get(minor, []))]

    def pip_options(self) -> list[str]:
        """By which pip takes the wheels of this target and no others."""
        if self.is_here:
            return ["--only-binary=:all:"]
        chosen = ["--implementation", "cp", "--python-version", self.python, "--only-binary=:all:"]
        return [*chosen, *(word for name in self.wheel_platforms() for word in ("--platform", name))]


def this_python() -> str:
    """The version of the Python that runs, as "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def here() -> Target | None:
    """This machine, or None where it is of no kind that a bundle can be made for."""
    machine = platform.machine().lower()
    known = {("win32", "amd64"): "windows", ("darwin", "arm64"): "macos", ("linux", "x86_64"): "linux"}
    name = known.get((sys.platform, machine))
    return Target(name, this_python()) if name else None
