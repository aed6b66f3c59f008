"""`pixgen bundle`: a folder from which pixgen is installed without the internet."""

from __future__ import annotations

import re

import click

from pixgen.bundle import targets
from pixgen.bundle.targets import PLATFORMS, Target
from pixgen.cli import options
from pixgen.cli.console import result, say
from pixgen.errors import UsageError
from pixgen.io import paths

EXTRAS = "lesson,ui"

EPILOG = """\b
Examples:
  pixgen bundle pixgen-stick
  pixgen bundle pixgen-stick --platform windows --python 3.12
  pixgen bundle pixgen-stick --platform windows --platform linux
"""


@click.command(epilog=EPILOG)
@click.argument("folder", type=options.CheckedPath())
@click.option(
    "--platform",
    "platforms",
    type=click.Choice(PLATFORMS),
    multiple=True,
    help="Whose packages to fetch; give it again for another.  [default: this machine's]",
)
@click.option("--python", metavar="VERSION", help="Version of Python there, as 3.12.  [default: the one that runs]")
@click.option("--extras", metavar="LIST", default=EXTRAS, show_default=True, help="Extras to include; '' for none.")
@options.quiet
@options.debug
def bundle(folder: str, platforms: tuple[str, ...], python: str | None, extras: str, quiet: bool) -> int:
    """Make FOLDER, to carry on a stick: all packages, the notebooks, and how to install them offline.

    Needs the internet once, and about 500 MB for each platform. Run again, it resumes and brings FOLDER up to date.
    """
    version = python or targets.this_python()
    if not re.fullmatch(r"3\.\d{1,2}", version) or int(version[2:]) < 11:
        raise UsageError(f"--python {version}: give a version from 3.11 on, as 3.12")
    here = targets.here()
    if not platforms and here is None:
        raise UsageError(f"bundles are made for {', '.join(PLATFORMS)}, and this machine is none: give --platform")
    names = list(dict.fromkeys(platforms)) or [here.platform if here else ""]
    chosen = [name for name in (word.strip() for word in extras.split(",")) if name]
    if wrong := next((name for name in chosen if not re.fullmatch(r"[a-z_]+", name)), None):
        raise UsageError(f"--extras: {wrong!r} is not an extra's name; setup.cfg lists them")
    from pixgen.bundle import make

    def tell(line: str) -> None:
        if not quiet:
            say(line)

    place = paths.written(folder)
    made = make.make(place, [Target(name, version) for name in names], chosen, tell)
    if not quiet:
        size = sum(path.stat().st_size for path in made) / 1e6
        say(f"{len(made)} files, {size:.0f} MB; README.txt and LEIAME.txt say how to install from it")
    result(place)
    return 0
