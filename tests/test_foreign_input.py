"""Whatever a stranger hands over is read, or refused by one of pixgen's own errors, in one line.

Any other exception, which the command line would call unexpected, is a fault of pixgen's. In the suite these are some
seconds; `HYPOTHESIS_PROFILE=long` makes them about ten minutes.
"""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pixgen.batch import lists
from pixgen.batch.plan import Plan, parse_grid, parse_seeds
from pixgen.batch.schedule import deadline
from pixgen.cli.main import run
from pixgen.errors import PixgenError
from pixgen.io import metadata
from pixgen.io.metadata import Input, Metadata
from pixgen.io.yaml_files import Layer, load_yaml
from pixgen.prompts import grammar
from pixgen.prompts.wildcards import Wildcards
from pixgen.settings import config as configs
from pixgen.settings import replay
from pixgen.settings.layers import parse_assignments
from tests.foreign_input import (
    COMMANDS,
    DATA,
    DEEP,
    ENCODINGS,
    KEYS,
    TEXT,
    WORDS,
    YAML,
    configurations,
    encoded,
    list_texts,
    mutated,
)  # fmt: skip

SUFFIXES = (".png", ".jpg", ".webp")


def fuzz(share: float = 1.0) -> settings:
    """As many examples as the profile says, or a share of them where one takes longer."""
    examples = max(10, round(settings().max_examples * share))
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def refused_well(call: Callable[[], object]) -> bool:
    """Whether pixgen refuses `call`, as it should: by an error of its own, with a message of one line."""
    try:
        call()
    except PixgenError as error:
        said = str(error)
        assert said.strip() and "\n" not in said and "unexpected" not in said.lower(), said
        return True
    return False


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


# -- metadata --------------------------------------------------------------------------------------------------------


def record() -> Metadata:
    config = configs.to_dict(configs.resolve([Layer({"prompt": "a fox", "steps": 3, "seed": 7}, "test")]))
    return Metadata("0.1.0", "a fox", config, 3, 3, 7, (8, 8), (Input("fox.png", "ab" * 32, "fox.png"),))


ABOUT = record()
RECORD = json.loads(ABOUT.to_json())


def reads(text: str) -> None:
    """What `pixgen show` and `pixgen again` make of a record before anything is drawn."""
    try:
        about = Metadata.from_json(text)
    except ValueError as error:
        assert "\n" not in str(error)
        return
    about.parameters()
    replay.states(about, Path())
    refused_well(lambda: configs.resolve([], base=replay.config_of(about, Path(), "m.png")))


@fuzz()
@given(changes=st.dictionaries(st.sampled_from([*RECORD, "later"]), DATA | DEEP, min_size=1, max_size=3))
@example(changes={"size": "32x32"})
@example(
    changes={"inputs": [{"path": "~nobody-at-all/x", "sha256": ""}, {"path": "x" * 300, "sha256": "", "near": "\0"}]}
)
@example(changes={"config": None})
def test_a_record_with_other_values(changes: dict[str, Any]) -> None:
    reads(json.dumps(RECORD | changes))


@fuzz(0.3)
@given(config=configurations())
def test_a_record_with_other_settings(config: dict[str, Any]) -> None:
    reads(json.dumps(RECORD | {"inputs": [], "config": RECORD["config"] | config}))


@fuzz()
@given(text=st.one_of(st.text(max_size=30), DATA.map(json.dumps), st.integers(0, 2**32)))
def test_a_record_that_is_damaged(text: str | int) -> None:
    whole = json.dumps(RECORD).encode()
    reads(mutated(whole, text).decode(errors="replace") if isinstance(text, int) else text)


@fuzz()
@given(suffix=st.sampled_from(SUFFIXES), seed=st.integers(0, 2**32))
def test_a_picture_file_that_is_damaged(suffix: str, seed: int, tmp_path: Path) -> None:
    pixels = numpy.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
    path = tmp_path / f"m{suffix}"
    path.write_bytes(mutated(metadata.encode(Image.fromarray(pixels), suffix, ABOUT), seed))
    refused_well(lambda: metadata.read(path))


@fuzz()
@given(packet=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)), suffix=st.sampled_from(SUFFIXES))
@example(packet=b'<?xml version="1.0" encoding="UTF-7"?><x/>', suffix=".webp")
@example(packet=b"<x>" * 5_000, suffix=".webp")
def test_a_packet_of_another_program(packet: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    Image.new("RGB", (8, 8)).save(path, **({} if suffix == ".png" else {"xmp": packet, "exif": packet}))
    refused_well(lambda: metadata.read(path))


# -- settings --------------------------------------------------------------------------------------------------------


@fuzz(0.3)
@given(text=YAML, encoding=ENCODINGS)
def test_a_settings_file(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(encoded(text, encoding))
    refused_well(lambda: configs.to_dict(configs.resolve([load_yaml(path)])))


@fuzz(0.3)
@given(values=configurations())
def test_settings_from_python(values: dict[str, Any]) -> None:
    refused_well(lambda: json.dumps(configs.to_dict(configs.resolve([Layer(values, "generate(...)")]))))


@fuzz(0.3)
@given(words=st.lists(st.one_of(st.builds(lambda key, value: f"{key}={value}", KEYS, TEXT), TEXT), max_size=3))
@example(words=["a." * 5_000 + "b=1"])
def test_words_of_settings(words: list[str]) -> None:
    refused_well(lambda: configs.resolve(parse_assignments(words)))
    refused_well(lambda: parse_grid(words))
    refused_well(lambda: parse_seeds(words[0]) if words else None)
    refused_well(lambda: deadline(*words) if len(words) == 2 else None)


# -- lists -----------------------------------------------------------------------------------------------------------


@fuzz(0.3)
@given(text=list_texts(), kind=st.sampled_from(lists.FORMATS), encoding=ENCODINGS, piped=st.booleans())
@example(text='{"prompt": "a \\ud800"}', kind="jsonl", encoding="utf-8", piped=False)
@example(text="Prompt;Seed\r\na fox;3\r\n", kind="csv", encoding="utf-16-le", piped=True)
def test_a_list(text: str, kind: str, encoding: str, piped: bool, tmp_path: Path) -> None:
    content = encoded(text, encoding)
    path = "-" if piped else str(tmp_path / "list")
    (tmp_path / "list").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        refused_well(lambda: list(itertools.islice(Plan().expand(lists.read(path, kind)), 5)))


@fuzz(0.5)
@given(
    files=st.dictionaries(
        st.sampled_from("abc"), st.lists(TEXT | st.sampled_from(["__a__", "__b__ __c__", "{a|__c__}"]))
    ),
    template=st.lists(st.sampled_from(["__a__", "__b__", "{", "}", "|", "\\", "x", "__c__"]), max_size=8).map("".join),
)
@example(files={"a": ["__b__" * 50], "b": ["__c__" * 50], "c": ["x" * 50]}, template="__a__" * 50)
def test_wildcards(files: Mapping[str, list[str]], template: str, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text("\n".join(files.get(name, [])), errors="replace")
    wildcards = Wildcards([tmp_path])
    refused_well(lambda: wildcards.count(template))
    refused_well(lambda: wildcards.draw(template, 1))
    refused_well(lambda: list(itertools.islice(wildcards.all(template), 20)))


# -- command lines ---------------------------------------------------------------------------------------------------


@fuzz(0.3)
@given(command=st.sampled_from(COMMANDS), words=st.lists(WORDS, max_size=4))
@example(command=["show", "config"], words=["--config", "\0"])
@example(command=["again"], words=["x" * 300])
def test_a_command_line(command: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if not command:
        words = [*words, "size=0"]  # refused before anything is drawn
    code = run([*command, *words])
    err = capsys.readouterr().err
    assert code in (0, 1, 2) and "unexpected" not in err.replace("unexpected extra argument", ""), err


def test_the_word_is_what_the_command_line_says_of_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object) -> Iterator[None]:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(grammar, "parse", fault)
    assert run(["a fox"]) == 1
    assert "unexpected ZeroDivisionError: oh" in capsys.readouterr().err
