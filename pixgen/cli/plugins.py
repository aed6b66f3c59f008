"""`pixgen plugins`: the plugins and their options."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from pixgen.cli import options
from pixgen.cli.console import result, result_json, result_lines, say
from pixgen.errors import PixgenError, UsageError, did_you_mean, shown
from pixgen.io import shell

if TYPE_CHECKING:
    from pixgen.registry import Option

EPILOG = """\b
Examples:
  pixgen plugins list
  pixgen plugins list loss
  pixgen plugins show loss.clip
  pixgen plugins new loss warm
  pixgen plugins check warm.py
"""


def _full_names(_: click.Context, __: click.Parameter, beginning: str) -> list[CompletionItem]:
    from pixgen import registry

    kinds = [kind for kind in registry.KINDS if kind.startswith(beginning.partition(".")[0])]
    names = [f"{kind}.{name}" for kind in kinds for name in registry.names(kind)]
    return [CompletionItem(name) for name in names if name.startswith(beginning)]


def _kinds(_: click.Context, __: click.Parameter, beginning: str) -> list[CompletionItem]:
    from pixgen import registry

    return [CompletionItem(kind) for kind in registry.KINDS if kind.startswith(beginning)]


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

    if kind is not None:
        _require_kind(kind)
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


@plugins.command()
@click.argument("kind", shell_complete=_kinds)
@click.argument("name")
@click.option("-o", "--output", "folder", metavar="FOLDER", show_default=".", help="Folder for both files.")
@options.as_json
@options.debug
def new(kind: str, name: str, folder: str | None, as_json: bool) -> int:
    """Write a plugin of a KIND, NAME.py, that works as it stands, and its test, test_NAME.py."""
    from pixgen import registry
    from pixgen.io import files, paths
    from pixgen.testing import new_plugin

    _require_kind(kind)
    example = _example(kind, name, [], ["--plugin", f"{name}.py"])
    texts = dict(zip((f"{name}.py", f"test_{name}.py"), new_plugin.sources(kind, name, example), strict=True))
    if name in registry.names(kind):
        raise UsageError(f"there is a {kind} called {name!r} already; choose another name")
    if _is_module(name):
        raise UsageError(f"{name}.py would stand in for the Python module {name!r}; choose another name")
    home = paths.written(folder or ".")
    files.require_folder(home)
    for file in texts:
        if (home / file).exists():
            raise UsageError(f"{home / file} is there already; choose another name, or another folder with -o")
    written = [files.write(home / file, text.encode()) for file, text in texts.items()]
    if as_json:
        result_json({"kind": kind, "name": name, "files": [str(path) for path in written]})
        return 0
    for path in written:
        result(path)
    say(f"check it: {shell.command('plugins check', [str(written[0])])}")
    say(f"use it: {_example(kind, name, [], ['--plugin', str(written[0])])}")
    return 0


@plugins.command()
@click.argument("file", type=options.CheckedPath())
@click.argument("assignments", metavar="[KIND.NAME.OPTION=VALUE]...", nargs=-1)
@options.as_json
@options.debug
def check(file: str, assignments: tuple[str, ...], as_json: bool) -> int:
    """Check that every plugin of a Python FILE keeps the contract of its kind; a line on each.

    Options are those that it is checked with: loss.warm.path=photo.png.
    """
    found = _registered_by(file)
    given = _options_of(found, assignments, file)
    from pixgen.testing import CHECKS  # after the plugins: what is wrong with the file is told sooner

    failed = 0
    for kind, name in found:
        problem = ""
        try:
            CHECKS[kind](name, given.get((kind, name)))
        except (AssertionError, PixgenError) as error:
            problem = " ".join(str(error).split())
        failed += bool(problem)
        if as_json:
            result_json({"kind": kind, "name": name, "ok": not problem, "problem": problem})
        else:
            result(f"failed  {problem}" if problem else f"ok      {kind}.{name}")
    return 1 if failed else 0


def _is_module(name: str) -> bool:
    """Whether there is a module of this name, which a file of the working folder would hide; those there do not count.

    pytest imports `conftest`.
    """
    if name in sys.stdlib_module_names or name == "conftest":
        return True
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None and Path(spec.origin).parent != Path.cwd()


def _registered_by(file: str) -> list[tuple[str, str]]:
    """Kind and name of each plugin that the file registers. Raises UsageError where it has none or fails."""
    from pixgen import registry
    from pixgen.io import paths

    before = {(kind, name) for kind in registry.KINDS for name in registry.names(kind)}
    registry.load_file(file)
    path = paths.written(file).resolve()
    found = []
    for kind in registry.KINDS:
        for name in registry.names(kind):
            module = sys.modules.get(registry.get(kind, name).__module__)
            source = getattr(module, "__file__", None)
            if (kind, name) not in before or (source is not None and Path(source).resolve() == path):
                found.append((kind, name))
    if not found:
        raise UsageError(
            f'{file} registers no plugin; put @register("loss", "my_name") of pixgen.registry above a class, '
            "or write one with `pixgen plugins new`"
        )
    return found


def _options_of(
    found: list[tuple[str, str]], assignments: tuple[str, ...], file: str
) -> dict[tuple[str, str], dict[str, Any]]:
    """The options on the command line, by plugin. Raises UsageError for one of another plugin."""
    from pixgen.io.yaml_files import parse_value

    known = [f"{kind}.{name}" for kind, name in found]
    given: dict[tuple[str, str], dict[str, Any]] = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        place, _, option = key.rpartition(".")
        kind, _, name = place.partition(".")
        if not equals or not name or not option:
            raise UsageError(f"{shown(word)} is not KIND.NAME.OPTION=VALUE; write it as in {known[0]}.OPTION=VALUE")
        if place not in known:
            raise UsageError(f"{file} has no plugin {shown(place)}{did_you_mean(place, known)} ({', '.join(known)})")
        given.setdefault((kind, name), {})[option] = parse_value(text)
    for (kind, name), chosen in given.items():
        _require_taken(kind, name, chosen)
    return given


def _require_taken(kind: str, name: str, chosen: dict[str, Any]) -> None:
    """Raise UsageError for options that the plugin does not have or take."""
    from pixgen import registry
    from pixgen.settings import optimizers

    if kind == "optimizer":
        optimizers.check({"type": name, **chosen}, f"{kind}.{name}")
    else:
        registry.create(kind, {"type": name, **chosen})


def _require_kind(kind: str) -> None:
    from pixgen import registry

    if kind not in registry.KINDS:
        known = ", ".join(registry.KINDS)
        raise UsageError(
            f"there is no plugin kind {shown(kind)}{did_you_mean(kind, registry.KINDS)} (there are {known})"
        )


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


def _example(kind: str, name: str, options: list[Option], flags: Sequence[str] = ()) -> str:
    """A command that draws with a plugin, or for a score a list that is judged by it."""
    first = next((o for o in options if o.default is not dataclasses.MISSING and o.default is not None), None)
    many = {"loss": "losses", "filter": "filters", "perceptor": "perceptors"}
    if kind == "score":
        return shell.command("batch", ["prompts.txt"], ["--scores", name, *flags])
    if kind == "scheduler":
        needed = [f"{o.name}: ..." for o in options if o.default is dataclasses.MISSING]
        return shell.draw("a lighthouse", flags, [f"losses.clip.weight={{{', '.join([f'type: {name}', *needed])}}}"])
    place = f"{many[kind]}.{name}" if kind in many else kind
    words = [f"{place}.type={name}"]
    if first is not None:
        words.append(f"{place}.{first.name}={json.dumps(_plain(first.default))}")
    return shell.draw("a lighthouse", flags, words)
