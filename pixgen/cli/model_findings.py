"""The state of the models, for `pixgen doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pixgen.cli.finding import Finding
from pixgen.errors import PixgenError
from pixgen.io import shell
from pixgen.io.yaml_files import load_yaml
from pixgen.models import cache, zoo
from pixgen.settings.profiles import default_file


def findings(check: Literal["quick", "hashes"] = "quick") -> list[Finding]:
    """The embedded pair, the default pair, every model that is here or half here. `hashes` reads all their bytes.

    Of a default model that is not here `way_out` names the command that pulls it, its size and where it goes.
    """
    return [*_embedded(), *_default(), *_pulled(check)]


def _embedded() -> Iterator[Finding]:
    from pixgen.io import resources

    for name in ("perceptor.safetensors", "vqgan.safetensors"):
        path = resources.embedded() / name
        there = path.is_file() and path.stat().st_size > 0
        yield Finding(
            "models", there, f"{path} is {'present' if there else 'missing'}", "" if there else "reinstall pixgen"
        )


def _default() -> Iterator[Finding]:
    path = default_file()
    if not path.is_file():
        return
    try:
        values = load_yaml(path).values
        options = [values.get("generator") or {}, *filter(None, (values.get("perceptors") or {}).values())]
        names = [str(each["model"]) for each in options if each.get("model")]
    except (PixgenError, AttributeError, TypeError) as error:
        yield Finding("models", False, f"{path} cannot be read: {error}", "pixgen models use pixgen-tiny")
        return
    for name in names:
        entry = zoo.find(name)
        if entry is None:
            yield Finding("models", False, f"the default model {name} is unknown", "pixgen models use pixgen-tiny")
        elif cache.state(entry) != "here":
            yield Finding("models", False, cache.missing(entry), shell.command("models pull", [entry.name]))
        else:
            yield Finding("models", True, f"{entry.name} is present, a default model")


def _pulled(check: str) -> Iterator[Finding]:
    for entry in zoo.entries():
        state = cache.state(entry)
        if state == "partly here":
            yield Finding("models", False, cache.missing(entry), shell.command("models pull", [entry.name]))
        if state == "here" and check == "hashes":
            for path, wrong in cache.verify(entry):
                fix = shell.command("models pull", [entry.name]) if wrong else ""
                yield Finding("models", wrong is None, f"{path}: {wrong or 'correct'}", fix)
