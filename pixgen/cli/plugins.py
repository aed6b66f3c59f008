"""`pixgen plugins`: the plugins and their options."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from pixgen.cli import options
from pixgen.cli.console import result, result_json, result_lines, say
from pixgen.errors import UsageError, did_you_mean
from pixgen.io import shell

if TYPE_CHECKING:
    from pixgen.registry import Option

EPILOG = """\b
Examples:
  pixgen plugins list
  pixgen plugins list loss
  pixgen plugins show loss.clip
"""


def _full_names(_: click.Context, __: click.Parameter, beginning: str) -> list[CompletionItem]:
    from pixgen import registry

    kinds = [kind for kind in registry.KINDS if kind.startswith(beginning.partition(".")[0])]
    names = [f"{kind}.{name}" for kind in kinds for name in registry.names(kind)]
    return [CompletionItem(name) for name in names if name.startswith(beginning)]


@click.group(epilog=EPILOG)
def plugins() -> None:
    """The parts that draw a picture: generators, losses, filters, ... Their options are set by KEY=VALUE."""


@plugins.command("list")
@click.argument("kind", required=False)
@options.plugins
@options.as_json
@options.debug
def list_(kind: str | None, plugins: tuple[str, ...], as_json: bool) -> int:
    """List all plugins, or those of one KIND, with a line on each."""
    from pixgen import registry

    if kind is not None and kind not in registry.KINDS:
        known = ", ".join(registry.KINDS)
        raise UsageError(f"there is no plugin kind {kind!r}{did_you_mean(kind, registry.KINDS)} (there are {known})")
    _load(plugins)
    found = [(k, name) for k in ([kind] if kind else registry.KINDS) for name in registry.names(k)]
    width = max((len(f"{k}.{name}") for k, name in found), default=0)
    for k, name in found:
        about = _first_line(registry.get(k, name))
        full = f"{k}.{name}"
        if as_json:
            result_json({"kind": k, "name": name, "about": about})
        else:
            result(f"{full:<{width}}  {about}")
    for module, why in registry.problems().items():
        say(f"not loaded: {module} ({why})")
    return 0


@plugins.command()
@click.argument("name", metavar="KIND.NAME", shell_complete=_full_names)
@options.plugins
@options.as_json
@options.debug
def show(name: str, plugins: tuple[str, ...], as_json: bool) -> int:
    """Show what a plugin does, and the type, default and meaning of each option."""
    from pixgen import registry

    _load(plugins)
    kind, dot, rest = name.partition(".")
    if not dot:
        homes = [f"{k}.{name}" for k in registry.KINDS if name in registry.names(k)]
        hint = f"; did you mean {' or '.join(homes)}?" if homes else "; write KIND.NAME, as in loss.clip"
        raise UsageError(f"{name!r} is not the name of a plugin{hint} (`pixgen plugins list` lists all)")
    cls = registry.get(kind, rest)
    own, of_loop = registry.options(kind, rest), _loop_options(kind)
    if as_json:
        values = {
            "kind": kind,
            "name": rest,
            "about": inspect.getdoc(cls) or "",
            "options": [_record(option) for option in own],
            "loop_options": of_loop,
        }
        result_json(values)
        return 0
    about = inspect.getdoc(cls) or "" if kind != "optimizer" else _first_line(cls)
    result_lines(f"{kind}.{rest}: {about}")
    if reads := getattr(cls, "reads", None):
        result(f"reads: {reads}")
    result_lines("\noptions:" if own else "\nno options")
    for option in own:
        result(f"  {option.name}: {option.type}, {_default(option)}")
        for line in option.doc.splitlines():
            result(f"      {line}")
    for key, meaning in of_loop.items():
        result(f"  {key}: {meaning}")
    result_lines(f"\nset it: {_example(kind, rest, own)}")
    return 0


def _loop_options(kind: str) -> dict[str, str]:
    """The options that the loop adds to a plugin's own (`registry.LOOP_OPTIONS`), with what they mean."""
    from pixgen.settings.config import OPTIMIZER, WEIGHT

    found: dict[str, dict[str, str]] = {
        "loss": {"weight": f"a number or a schedule, default {WEIGHT}; factor of the loss"},
        "perceptor": {
            "weight": f"a number above 0, default {WEIGHT}; its share among the perceptors",
            "cutouts": "a whole number or null, default null; replaces the stage's",
        },
        "optimizer": {
            "lr": f"a number or a schedule, default {OPTIMIZER['lr']}; the learning rate",
            "clip_norm": "a number above 0 or null, default null; bounds the norm of each picture's gradient",
        },
    }
    return found.get(kind, {})


def _load(files: tuple[str, ...]) -> None:
    from pixgen import registry

    for file in files:
        registry.load_file(file)


def _first_line(cls: type) -> str:
    """The first paragraph of the class's docstring as one line; of torch's optimisers their name."""
    if cls.__module__.startswith("torch."):
        return f"torch.optim.{cls.__name__}"
    # A dataclass without a docstring gets its signature for one.
    doc = inspect.cleandoc(cls.__doc__ or "")
    return "" if doc.startswith(f"{cls.__name__}(") else " ".join(doc.partition("\n\n")[0].split())


def _default(option: Option) -> str:
    if option.default is dataclasses.MISSING:
        return "required"
    return f"default {json.dumps(_plain(option.default), ensure_ascii=False)}"


def _record(option: Option) -> dict[str, Any]:
    required = option.default is dataclasses.MISSING
    default = None if required else _plain(option.default)
    return {"name": option.name, "type": option.type, "required": required, "default": default, "about": option.doc}


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list | tuple | dict | None) else str(value)


def _example(kind: str, name: str, options: list[Option]) -> str:
    first = next((o for o in options if o.default is not dataclasses.MISSING and o.default is not None), None)
    many = {"loss": "losses", "filter": "filters", "perceptor": "perceptors"}
    if kind == "scheduler":
        return f"losses.clip.weight={{type: {name}, ...}}"
    place = f"{many[kind]}.{name}" if kind in many else kind
    words = [f"{place}.type={name}"]
    if first is not None:
        words.append(f"{place}.{first.name}={json.dumps(_plain(first.default))}")
    return shell.draw("a lighthouse", settings=words)
