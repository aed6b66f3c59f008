"""Settings files are plain data, and their mistakes are named with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixgen.errors import UsageError
from pixgen.io import resources
from pixgen.io.yaml_files import MAX_BYTES, Layer, load_yaml
from pixgen.settings import layers


def load(folder: Path, text: str | bytes) -> Layer:
    path = folder / "my.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_yaml(path)


def test_values_and_lines(tmp_path: Path) -> None:
    layer = load(tmp_path, "steps: 3\nlosses:\n  warm: {type: palette, weight: 1e-3}\n  clip: null\nsize: 16x9\n")
    assert layer.values == {
        "steps": 3,
        "losses": {"warm": {"type": "palette", "weight": 0.001}, "clip": None},
        "size": "16x9",
    }
    assert layer.place("losses.warm.weight") == f"{tmp_path / 'my.yaml'}:3"
    assert layer.place("losses.clip") == f"{tmp_path / 'my.yaml'}:4"
    assert layer.place("seed") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")), ("007", 7), ("16:9", "16:9"), ("no", "no"),
        ("2024-01-01", "2024-01-01"), ("true", True), ("~", None), ("", None), ("'1'", "1"), ("0x10", "0x10"),
    ],
)  # fmt: skip
def test_scalars_are_what_they_look_like(tmp_path: Path, text: str, value: object) -> None:
    assert load(tmp_path, f"a: {text}\n").values == {"a": value}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", ":2: the tag"),
        ("a: !!binary aGk=\n", ":1: the tag"),
        ("a: &x [1, 2]\nb: *x\n", ":2: aliases"),
        ("a: ${oc.env:HOME}\n", r":1: a holds '\$\{'"),
        ("a: 1\nb: ['${x}']\n", r":2: b\[0\] holds"),
        ("a: 1\na: 2\n", r":2: 'a' is there twice \(first in line 1\)"),
        ("a: [1\nb: 2\n", ":2: "),
        ("? [a]\n: 1\n", "a name must be a word"),
        ("- 1\n", ":1: settings must be"),
        ("just words", ":1: settings must be"),
        ("a: 1\n---\nb: 2\n", ":2: "),
        (b"\xff\xffa", "my.yaml: not a text file"),
        (b"a: \x00\n", "not a text file"),
        ("[" * 5000, "nested too deeply"),
        ("a: " + "x" * MAX_BYTES, "not a settings file"),
    ],
)
def test_refused_with_file_and_line(tmp_path: Path, text: str | bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(tmp_path, text)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            load_yaml(path)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "# only a comment\n").values == {}


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("losses.warm.weight=0.3", {"losses": {"warm": {"weight": 0.3}}}),
        ("losses.clip=null", {"losses": {"clip": None}}),
        ("prompt=a: b # c", {"prompt": "a: b # c"}),
        ("a.colour=#ff0000", {"a": {"colour": "#ff0000"}}),
        ("a=[1, {b: c}]", {"a": [1, {"b": "c"}]}),
        ("a=[1", {"a": "[1"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_assignments(word: str, values: object) -> None:
    (layer,) = layers.parse_assignments([word])
    assert layer.values == values
    assert layer.source == f"argument {word!r}"


@pytest.mark.parametrize("word", ["steps", "=3", "a..b=3", ".a=1"])
def test_words_that_set_nothing(word: str) -> None:
    with pytest.raises(UsageError, match="is not KEY=VALUE"):
        layers.parse_assignments([word])


@given(st.text())
def test_an_assignment_never_crashes(text: str) -> None:
    (layer,) = layers.parse_assignments([f"a.b={text}"])
    assert set(layer.values) == {"a"}


def test_presets_are_found_and_near_names_offered() -> None:
    layer = layers.load_preset("draft")
    assert "description" not in layer.values
    with pytest.raises(UsageError, match="did you mean 'draft'"):
        layers.load_preset("drafft")
    with pytest.raises(UsageError, match="no preset"):
        layers.load_preset("../presets/draft")


def test_the_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path))
    assert layers.load_user() == []
    (tmp_path / "config.yaml").write_text("steps: 5\n")
    assert [layer.values for layer in layers.load_user()] == [{"steps": 5}]


def test_folders_are_where_they_are_installed() -> None:
    assert (resources.configs() / "models").is_dir()
    assert list(resources.presets().glob("*.yaml"))
