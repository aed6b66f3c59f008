"""The commands beside drawing: what they list, say and refuse."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import pixgen
from pixgen import registry
from pixgen.cli import doctor, typos
from pixgen.cli.commands import COMMANDS, COMPLETE
from pixgen.cli.group import CommandLine, load
from pixgen.cli.main import run
from pixgen.cli.options import CONTEXT
from pixgen.editing.operations import Sampling
from pixgen.errors import UsageError
from pixgen.io import metadata, resources
from pixgen.settings import layers

ROOT = Path(__file__).parent.parent.parent
TEACHER = str(ROOT / "docs" / "teacher.png")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_every_command_is_where_the_table_says_and_has_its_one_line() -> None:
    for name, line in COMMANDS.items():
        module = name.replace("-", "_")
        command = getattr(importlib.import_module(f"pixgen.cli.{module}"), module)
        assert isinstance(command, click.Command) and line and len(line) < 90


def test_presets_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == layers.preset_names()
    assert run(["presets", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert all(record["description"] and record["settings"] for record in records)
    assert run(["presets", "draft"]) == 0
    assert "steps: 12" in capsys.readouterr().out
    assert run(["presets", "draff"]) == 2
    assert "did you mean 'draft'?" in capsys.readouterr().err


def test_every_plugin_is_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "list", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {record["kind"] for record in records} == {kind for kind in registry.KINDS if registry.names(kind)}
    for record in records:
        assert record["about"], f"{record} has no docstring"
        assert run(["plugins", "show", f"{record['kind']}.{record['name']}", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert [option["name"] for option in shown["options"]] == [
            option.name for option in registry.options(record["kind"], record["name"])
        ]
        assert shown["loop_options"].keys() == set(registry.LOOP_OPTIONS.get(record["kind"], ()))


def test_a_plugin_is_shown_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "show", "loss.image"]) == 0
    out = capsys.readouterr().out
    assert "path: Path, required" in out and "distance: 'mse' | 'l1', default \"mse\"" in out and "weight:" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plugins", "show", "loss.clop"], "did you mean 'clip'?"),
        (["plugins", "show", "lose.clip"], "did you mean 'loss'?"),
        (["plugins", "show", "tv"], "did you mean loss.tv?"),
        (["plugins", "list", "losses"], "did you mean 'loss'?"),
        (["plugins", "lst"], "No such command"),
        (["show"], "Missing argument"),
        (["show", "none.png"], "none.png: no such file"),
        (["show", TEACHER, "steps=3"], "pixgen again"),
        (["show", "config", "stepz=3"], "did you mean 'steps'?"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
        (["again", "steps=3"], "which picture?"),
        (["again", "none.png"], "none.png: no such file"),
        (["again", TEACHER, "stepz=3"], "did you mean 'steps'?"),
    ],
)
def test_a_mistake_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err


def test_a_picture_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", TEACHER]) == 0
    out = capsys.readouterr().out
    assert "a watercolor portrait of a teacher" in out and "seed:     6" in out and "type: vqgan" in out
    assert run(["show", TEACHER, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["config"] == metadata.read(Path(TEACHER)).config and len(record["sha256"]) == 64


def test_the_settings_of_a_run_are_shown_as_yaml_that_gives_the_same_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["show", "config", "-p", "draft", "average=0.5", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["size"] == "128x128" and first["average"] == 0.5
    assert run(["show", "config", "-p", "draft", "average=0.5"]) == 0
    (tmp_path / "all.yaml").write_text(capsys.readouterr().out)
    assert run(["show", "config", "--config", str(tmp_path / "all.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == first


def test_the_doctor_finds_what_is_wrong_and_says_the_way_out(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("strange")

    home.mkdir()
    (home / "config.yaml").write_text("stepz: 3\n")
    monkeypatch.setattr(doctor, "_devices", broken)
    monkeypatch.setattr(resources, "presets", lambda: home / "none")
    assert run(["doctor", "--json"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bad = {record["about"]: record for record in records if not record["ok"]}
    assert {"your config", "broken", "presets"} <= bad.keys()
    assert "did you mean 'steps'?" in bad["your config"]["state"] and all(record["way_out"] for record in bad.values())
    assert {"pixgen", "python", "packages", "precision", "weights", "plugins", "outputs"} <= {
        r["about"] for r in records
    }


@pytest.mark.parametrize(
    "words", [["docter"], ["shwo", "x.png"], ["plugin", "list"], ["agian", "a/b.png", "steps=3"], ["preset", "--json"]]
)
def test_a_mistyped_command_is_asked_about(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    err = capsys.readouterr().err
    assert "did you mean: pixgen " in err and f"pixgen -- {words[0]}" in err


@pytest.mark.parametrize(
    "words", [["shoe"], ["a preset"], ["rain", "steps=3"], ["--", "docter"], ["shoe", "--size", "9x9"], ["teacher"], []]
)
def test_a_prompt_is_no_mistyped_command(words: list[str]) -> None:
    typos.require_prompt(words, COMMANDS)


@pytest.mark.parametrize(
    "words", [["clasify", "x.png"], ["clasify"], ["eidt", "x.png", "a cat"], ["moprh", "a/b", "c"]]
)
def test_one_letter_wrong_missing_or_swapped_is_near(words: list[str]) -> None:
    with pytest.raises(UsageError, match="did you mean: pixgen (classify|edit|morph)"):
        typos.require_prompt(words, [*COMMANDS, "classify"])


@pytest.mark.parametrize(
    ("words", "prompt", "size"),
    [
        (["shoe"], "shoe", None),
        (["--size", "9x9", "a fox"], "a fox", "9x9"),
        (["--", "docter", "--size", "9x9"], "docter", "9x9"),  # the options behind it are options
        (["--size", "9x9", "--", "-x"], "-x", "9x9"),
        (["--", "-x"], "-x", None),
        (["--", "show"], "show", None),
    ],
)
def test_what_is_no_command_is_drawn(words: list[str], prompt: str, size: str | None) -> None:
    context = CommandLine().make_context("pixgen", words)
    assert context.command.name == "draw" and context.command_path == "pixgen"
    assert context.params["prompt"] == prompt and context.params["size"] == size


def test_help_lists_the_options_of_drawing_and_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: pixgen [OPTIONS] PROMPT [KEY=VALUE]...") and "--init-image FILE" in out
    unwrapped = " ".join(out.split())
    assert all(f" {name} {line}" in unwrapped for name, line in COMMANDS.items())
    assert run([]) == 2
    assert capsys.readouterr().err == out
    assert run(["vary", "-h"]) == 0
    assert capsys.readouterr().out.startswith("Usage: pixgen vary [OPTIONS] PICTURE")


def _walk(context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, context.command
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            assert command is not None
            yield from _walk(click.Context(command, parent=context, info_name=name))


OWN_MEANING = {
    "pixgen explain": {"--output", "--open"},
    "pixgen import-": {"-o"},
    "pixgen batch": {"--output", "--seed", "--threads"},  # a folder; the seeds of rows; of each worker
    "pixgen vary": {"--size", "--strength"},  # of a square; of what is resampled
    "pixgen edit": {"--size", "--strength"},
    "pixgen report": {"--scores"},  # which to compare
    "pixgen models convert": {"--output", "--overwrite", "--config"},  # a checkpoint's files
    "pixgen models add": {"--config"},  # a VQGAN's
    "pixgen plugins new": {"--output"},  # a folder
}
"""Commands with an option of a name that others have, and that means something else there."""


def test_an_option_has_one_help_wherever_it_stands() -> None:
    helps: dict[str, set[str]] = {}
    found = [("pixgen", load("draw")), *list(_walk(click.Context(CommandLine(), info_name="pixgen", **CONTEXT)))[1:]]
    for path, command in found:
        own = next((flags for start, flags in OWN_MEANING.items() if path.startswith(start)), set())
        for option in command.params:
            if path.startswith("pixgen train ") and "--debug" not in option.opts:
                continue  # a training's own, declared beside it
            if isinstance(option, click.Option) and not own & set(option.opts):
                assert option.help, f"{path} {option.opts}"
                helps.setdefault(option.opts[-1], set()).add(option.help)
    assert len(helps) > 40 and {flag: texts for flag, texts in helps.items() if len(texts) > 1} == {}


def test_the_help_of_sampling_names_the_defaults() -> None:
    def shown(command: str) -> dict[str, Any]:
        named = {param.name: param for param in load(command).params if isinstance(param, click.Option)}
        options = ("candidates", "temperature", "top_k", "guidance")
        return {name: float(str(named[name].show_default)) for name in options}

    start = {option.name: option.default for option in registry.options("start", "dalle2")}
    assert shown("draw") == {name: start[name] for name in shown("draw")}
    for command in ("vary", "edit"):
        assert shown(command) == vars(Sampling())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pixgen pre", {"presets"}),
        ("pixgen -p dra", {"draft"}),
        ('pixgen "a fox" -p dra', {"draft"}),
        ("pixgen plugins show loss.t", {"loss.tv"}),
        ("pixgen plugins sh", {"show"}),
        ("pixgen presets dr", {"draft"}),
        ('pixgen "a fox" --overw', {"--overwrite"}),
    ],
)
def test_the_shell_completes(line: str, expected: set[str]) -> None:
    asked = {COMPLETE: "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(_words(line) - 1)}
    environment = {**os.environ, **asked, "PYTHONPATH": str(Path(pixgen.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-m", "pixgen"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {reply.partition(",")[2] for reply in done.stdout.splitlines()} >= expected


def _words(line: str) -> int:
    return len(line.replace('"a fox"', "fox").split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_names_the_variable(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert f"{COMPLETE}={shell}_complete" in capsys.readouterr().out
