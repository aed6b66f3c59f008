"""`pixgen doctor`: what is installed, what works, and the way out where something does not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from pixgen.cli import options
from pixgen.cli.console import result, result_json
from pixgen.cli.finding import Finding
from pixgen.io import resources

EPILOG = """\b
Examples:
  pixgen doctor
  pixgen doctor --json
"""


@click.command(epilog=EPILOG)
@options.as_json
@options.debug
def doctor(as_json: bool) -> int:
    """Check the installation, the models and the settings. Exit code 1 where something is wrong."""
    well = True
    for finding in findings():
        well = well and finding.ok
        if as_json:
            result_json(asdict(finding))
            continue
        result(f"{'ok ' if finding.ok else 'BAD'}  {finding.about:<12} {finding.state}")
        if finding.way_out:
            result(f"     {'':<12} -> {finding.way_out}")
    return 0 if well else 1


def findings() -> Iterator[Finding]:
    """Everything, in order; a check that fails in an unforeseen way is a finding, not the end."""
    for check in (_python, _packages, _devices, _precision, _embedded, _models, _plugins, _presets, _user, _outputs):
        yield from _safely(check)


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:
        name = check.__name__.strip("_")
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        yield Finding(name, False, f"could not be checked ({reason})", "reinstall pixgen, or report this line")


def _python() -> Iterator[Finding]:
    yield Finding("pixgen", True, f"{resources.version()} in {Path(__file__).parent.parent}")
    yield Finding("python", True, f"{platform.python_version()} on {platform.platform()}")


def _packages() -> Iterator[Finding]:
    from importlib import metadata

    try:
        required = [name for name in metadata.requires("pixgen") or [] if "extra ==" not in name]
    except metadata.PackageNotFoundError:
        yield Finding("packages", False, "pixgen is not installed, only run from its folder", _INSTALL)
        return
    versions, missing = [], []
    for name in required:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    state = ", ".join(versions) + (f"; missing: {', '.join(missing)}" if missing else "")
    yield Finding("packages", not missing, state, _INSTALL if missing else "")


_INSTALL = "pip install -c constraints.txt . in pixgen's folder"


def _devices() -> Iterator[Finding]:
    import torch

    from pixgen.backend import hardware

    device = hardware.device("auto")
    found = [f"cpu ({hardware.threads('auto')} of {os.cpu_count()} cores, {hardware.processor()})"]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(i)
            found.append(f"cuda:{i} ({about.name}, {about.total_memory / 2**30:.0f} GiB)")
    if torch.backends.mps.is_available():
        found.append("mps (Apple)")
    yield Finding("devices", True, f"{', '.join(found)}; --device auto takes {device}")
    build = torch.version.cuda or torch.version.hip
    if build and not torch.cuda.is_available() and shutil.which("nvidia-smi"):
        yield Finding("gpu", False, f"torch is built for CUDA {build} but finds no GPU", "update the GPU's driver")


def _precision() -> Iterator[Finding]:
    from pixgen.backend import hardware

    device = hardware.device("auto")
    chosen = hardware.precision("auto", device)
    computes = "computes in bfloat16" if chosen == "bfloat16" else "does not compute in bfloat16, which would be slower"
    yield Finding("precision", True, f"{chosen}, for {device} {computes}")


def _embedded() -> Iterator[Finding]:
    """The shipped weights, loaded as a run would load them."""
    import torch

    from pixgen import registry

    cpu = torch.device("cpu")
    for kind, name in (("generator", "vqgan"), ("perceptor", "tiny")):
        try:
            registry.create(kind, {"type": name}).prepare(cpu)
        except Exception as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            yield Finding("weights", False, f"{kind}.{name}: {reason}", "reinstall pixgen: they come with it")
        else:
            yield Finding("weights", True, f"{kind}.{name} comes with pixgen and loads")


def _models() -> Iterator[Finding]:
    from pixgen.cli import model_findings
    from pixgen.models import cache

    yield from model_findings.findings()
    yield Finding("cache", True, str(cache.folder()))


def _plugins() -> Iterator[Finding]:
    from pixgen import registry

    count = sum(len(registry.names(kind)) for kind in registry.KINDS)
    yield Finding("plugins", True, f"{count} of {len(registry.KINDS)} kinds")
    for module, why in registry.problems().items():
        yield Finding("plugins", False, f"{module} does not load ({why})", "update or uninstall its package")


def _presets() -> Iterator[Finding]:
    from pixgen.settings import layers

    names = layers.preset_names()
    way_out = "" if names else "reinstall pixgen: they come with it"
    yield Finding("presets", bool(names), f"{len(names)} in {resources.presets()}", way_out)


def _user() -> Iterator[Finding]:
    from pixgen.errors import UsageError
    from pixgen.settings import config, layers

    path = resources.user_config()
    if not path.is_file():
        yield Finding("your config", True, f"none ({path} would be read)")
        return
    try:
        config.resolve(layers.load_user())
    except UsageError as error:
        yield Finding("your config", False, str(error), f"correct {path}, or move it away")
    else:
        yield Finding("your config", True, str(path))


def _outputs() -> Iterator[Finding]:
    """Room and permission where pictures go when no -o is given. Makes no folder that was not there."""
    folder = Path("outputs").absolute()
    there = folder if folder.is_dir() else folder.parent
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        yield Finding("outputs", False, f"cannot write to {there}", "draw from another folder, or name one with -o")
    elif free < 50_000_000:
        yield Finding("outputs", False, f"{free / 1e6:.0f} MB free in {there}", "make room, or go elsewhere with -o")
    else:
        yield Finding("outputs", True, f"{folder}, {free / 1e9:.1f} GB free")
