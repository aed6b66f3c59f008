"""Small wheels and source archives, and pip's own resolver with the markers of another machine."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from pixgen.bundle.targets import Target


def wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any", *requires: str) -> Path:
    """An installable wheel of one empty module; extras are those that its requirements name."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    extras = {part.split("'")[1] for line in requires for part in line.split("extra == ")[1:]}
    about = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    about += [f"Provides-Extra: {extra}" for extra in sorted(extras)] + [f"Requires-Dist: {line}" for line in requires]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", "\n".join(about) + "\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def source(folder: Path, name: str, version: str = "1.0") -> Path:
    """A source archive, of which a pure wheel can be built."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    setup = f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{name!r}])\n"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in (("setup.py", setup), (f"{name}.py", ""), ("PKG-INFO", about)):
            entry = tarfile.TarInfo(f"{name}-{version}/{place}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def resolves(wanted: str, target: Target, folder: Path) -> str:
    """What pip's own resolver says where it may take these wheels alone, and evaluates markers as the target would."""
    program = (
        "import sys; from pip._vendor.packaging import markers; from pip._internal.cli.main import main;"
        f"markers.default_environment = lambda: {target.environment()!r};"
        "sys.exit(main(sys.argv[1:]))"
    )
    asked = ["install", "--isolated", "--dry-run", "--ignore-installed", "--no-index", "--find-links", str(folder)]
    asked += [*target.pip_options(), *([] if target.is_here else ["--target", str(folder / "nowhere")]), wanted]
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-c", program, *asked], capture_output=True, text=True, env=environment)
    return done.stdout if done.returncode == 0 else done.stderr
