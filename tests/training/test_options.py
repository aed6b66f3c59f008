"""Options are declared once: every parser reads the same, and what was given can be written down and read again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from pixgen.errors import UsageError
from pixgen.evaluation import evaluate
from pixgen.training import bank, clip, pipeline, tokens, vqgan
from pixgen.training.options import command_line, declared, parse, toy

CARD = (
    "--what perceptor,vqgan,judge,prior --pictures 384 --cache CACHE --folder pixgen/embedded --out RUN",
    "--what prompts --prompts 200 --method loop --start bank --size 256x256 --cache CACHE --folder pixgen/embedded "
    "--out RUN",
    "--cache CACHE --out RUN --card",
)
"""Commands of the model card and of `evaluate`'s docstring."""


def test_a_command_line_gives_the_options() -> None:
    found = parse(clip.Options, ["run", "--cache", "cache", "--pool", "8", "--restart", "w.safetensors", "--lr", "0.5"])
    assert found == clip.Options(run=Path("run"), cache=Path("cache"), pool=8, restart=Path("w.safetensors"), lr=0.5)
    assert parse(vqgan.Options, ["run", "--cache", "cache", "--decoder"]).decoder
    assert parse(bank.Options, ["b.safetensors", "--cache", "cache"]).out == Path("b.safetensors")


@pytest.mark.parametrize("line", CARD)
def test_what_was_measured_is_noted_with_a_command_that_gives_the_same_options(line: str) -> None:
    options = parse(evaluate.Options, shlex.split(line))
    assert parse(evaluate.Options, command_line(options)) == options
    assert "--what" not in command_line(options, ["what"])


def test_settings_are_repeated_and_flags_stand_alone() -> None:
    options = evaluate.Options(cache=Path("c"), out=Path("o"), set=("steps=2", "starts=1"), no_drawing=True)
    words = command_line(options)
    assert words == shlex.split("--cache c --out o --set steps=2 --set starts=1 --no-drawing")
    assert parse(evaluate.Options, words) == options


def test_what_is_below_its_minimum_is_refused() -> None:
    where: dict[str, Any] = {"run": Path("run"), "cache": Path("cache")}
    with pytest.raises(UsageError, match="--pictures must be at least 1, and 0 was given"):
        clip.Options(**where, pictures=0)
    with pytest.raises(UsageError, match="--seed must be at least 0"):
        tokens.Options(**where, seed=-1)


@pytest.mark.parametrize("training", pipeline.TRAININGS, ids=lambda training: str(training.name))
def test_every_option_has_help_and_a_toy_is_smaller(training: pipeline.Training) -> None:
    options = {one.name: one for one in declared(training.options)}
    assert all(one.option.help and not one.option.help.startswith(" ") for one in options.values())
    assert set(training.places) <= set(options)
    assert all(0 < value < options[name].default for name, value in toy(training.options).items())
    assert sum(one.option.counts for one in options.values()) == (training.name not in ("bank", "codes"))


def test_a_wrong_word_ends_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(clip.Options, ["run", "--cache", "cache", "--picturs", "3"])
    assert ended.value.code == 2 and "--picturs" in capsys.readouterr().err
