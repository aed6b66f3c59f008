"""Lists of every kind are read row by row, and whatever is wrong in one is told with its line."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixgen.batch.lists import read, require_rows
from pixgen.batch.rows import Row
from pixgen.errors import UsageError

CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Co", "Cs", "Zl", "Zp"])
TEXT = st.text(CHARACTERS, min_size=1, max_size=30)
PROMPTS = TEXT.map(str.strip).filter(lambda text: text and not text.startswith("#") and text[0] != "\ufeff")
SEEDS = st.integers(0, 2**63 - 1)
any_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


def written(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def found(folder: Path, name: str, content: str | bytes) -> list[Row]:
    return list(read(written(folder, name, content)))


@any_example
@given(prompts=st.lists(PROMPTS), bom=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_every_line_of_a_text_is_a_prompt(prompts: list[str], bom: bool, end: str, tmp_path: Path) -> None:
    text = f"# a comment{end}{end}" + "".join(f"  {prompt}{end}" for prompt in prompts)
    rows = found(tmp_path, "list.txt", (b"\xef\xbb\xbf" if bom else b"") + text.encode())
    assert [row.values for row in rows] == [{"prompt": prompt} for prompt in prompts]
    assert [row.source for row in rows] == [f"{tmp_path}/list.txt:{i}" for i in range(3, 3 + len(prompts))]


@pytest.mark.slow
@any_example
@given(rows=st.lists(st.tuples(PROMPTS, SEEDS, st.sampled_from([None, 0.5, 2]))))
def test_csv_jsonl_and_yaml_say_the_same(rows: list[tuple[str, int, Any]], tmp_path: Path) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["seed", "prompt", "losses.clip.weight"])
    nested = []
    for prompt, seed, weight in rows:
        writer.writerow([seed, prompt, "" if weight is None else weight])
        nested.append({"prompt": prompt, "seed": seed})
        if weight is not None:
            nested[-1]["losses"] = {"clip": {"weight": weight}}
    lines = "".join(json.dumps(row) + "\n" for row in nested)
    items = "".join(f"- {json.dumps(row, ensure_ascii=False)}\n" for row in nested)
    kinds = {"list.csv": table.getvalue(), "list.jsonl": lines, "list.yaml": items}
    for name, content in kinds.items():
        # YAML reads "${" as an attempt to look something up, and says so.
        if not (name == "list.yaml" and "${" in content):
            assert [dict(row.values) for row in found(tmp_path, name, content)] == nested, name


def test_a_row_has_a_name_presets_and_any_setting(tmp_path: Path) -> None:
    (row,) = found(tmp_path, "l.jsonl", '{"prompt": "a", "name": "x", "preset": ["draft"], "losses.tv.weight": 2}\n')
    assert row.name == "x" and row.presets == ("draft",)
    assert row.values == {"prompt": "a", "losses": {"tv": {"weight": 2}}}
    (row,) = found(tmp_path, "l.csv", "name,preset,prompt,size\n007,draft,a,64x32\n")
    assert row.name == "007" and row.presets == ("draft",) and row.values == {"prompt": "a", "size": "64x32"}
    rows = found(tmp_path, "l.yaml", "- a fox\n- prompt: a dog\n")
    assert [row.values["prompt"] for row in rows] == ["a fox", "a dog"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.txt", b"a fox\n\xff\xfe\n", r"l\.txt:2: not UTF-8 \(byte 0xff"),
        ("l.txt", "a fox".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("l.txt", b"caf\xe9\n", r"l\.txt:1: not UTF-8"),
        ("l.txt", b"x" * 1_000_001, "not a list of pictures"),
        ("l.csv", "prompt,seed\na,1\nb,1,2\n", r"l\.csv:3: 3 cells under 2 columns"),
        ("l.csv", 'prompt\n"a\n', r"l\.csv:2: broken CSV"),
        ("l.csv", "promt,seed\na,1\n", "no column 'prompt' among promt, seed; did you mean 'promt'"),
        ("l.csv", "prompt,prompt\na,b\n", "each once; prompt"),
        ("l.csv", "prompt,losses.a.weight,losses.a\na,1,2\n", "set by two columns"),
        ("l.jsonl", '{"prompt": "a"}\n{"prompt": \n', r"l\.jsonl:2: broken JSON"),
        ("l.jsonl", "[1]\n", r"l\.jsonl:1: a row is settings by name, not list"),
        ("l.jsonl", '{"seed": 1}\n', "no prompt; there are seed"),
        ("l.jsonl", '{"prompt": "a", "name": []}\n', "must be text"),
        ("l.jsonl", '{"prompt": "a", "preset": 3}\n', "must be a name or a list of names"),
        ("l.yaml", "prompt: a\n", "before each of its rows"),
        ("l.yaml", "- a\n- {b\n", r"l\.yaml:3"),
        ("l.list", "a\n", "or say what it is with --format"),
        ("l.png", b"no picture", "not a picture that can be read"),
    ],
)
def test_a_broken_list_is_told_with_its_line(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        found(tmp_path, name, content)


def test_there_must_be_a_list_with_rows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the list .*: no such file"):
        list(read(str(tmp_path / "no.txt")))
    path = written(tmp_path, "l.txt", "# nothing\n")
    with pytest.raises(UsageError, match="the list is empty"):
        list(require_rows(read(path), path))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", "prompt,seed\na fox,3\na dog,4\n"),
        ("l.csv", "Prompt,SEED\na fox,3\na dog,4\n"),
        ("l.csv", "prompt;seed\na fox;3\na dog;4\n"),
        ("l.csv", "sep=;\r\nPrompt;Seed;;\r\na fox;3;;\r\na dog;4;;\r\n"),
        ("l.csv", "\ufeffprompt\tseed\na fox\t3\na dog\t4\n"),
        ("l.csv", "prompt,seed\ra fox,3\ra dog,4\r"),
        ("l.csv", "\n,,\nprompt,seed,\na fox,3,\n,,\n\na dog,4,,,\n"),
        ("l.csv", 'seed,"prompt"\n3,"a fox"\n4,a dog'),
        ("l.jsonl", '{"prompt": "a fox", "seed": 3}\r{"prompt": "a dog", "seed": 4}\r'),
        ("l.jsonl", '\ufeff{"Prompt": "a fox", "Seed": 3}\r\n\r\n{"prompt": "a dog", "seed": 4}'),
        ("l.yaml", "\ufeff- {prompt: a fox, seed: 3}\r\n- Prompt: a dog\r\n  seed: 4\r\n"),
    ],
)
def test_lists_as_spreadsheets_and_editors_write_them(name: str, content: str, tmp_path: Path) -> None:
    wanted = [{"prompt": "a fox", "seed": 3}, {"prompt": "a dog", "seed": 4}]
    assert [dict(row.values) for row in found(tmp_path, name, content)] == wanted


def test_lines_that_end_in_a_return_alone_are_counted_however_long_the_list(tmp_path: Path) -> None:
    rows = found(tmp_path, "l.txt", "a fox, and a long line behind it\r" * 100_000 + "last")
    assert len(rows) == 100_001 and rows[-1].source.endswith(":100001") and rows[-1].values == {"prompt": "last"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.csv", "prompt,seed\na fox,3\n".encode("utf-16-le"), "this is UTF-16; save it as UTF-8"),
        ("l.txt", "a fox\n".encode("utf-16-be"), "this is UTF-16"),
        ("l.jsonl", '{"prompt": "a"}'.encode("utf-32"), "this is UTF-32"),
        ("l.yaml", "- a fox\n".encode("utf-16-le"), "save it as UTF-8"),
        ("l.csv", "prompt\ncafé\n".encode("cp1252"), r"l\.csv:2: not UTF-8 .*in Excel: CSV UTF-8"),
        ("l.csv", "prompt,Prompt\na,b\n", "each once; prompt"),
        ("l.csv", "Promt;Seed\na;1\n", "did you mean 'Promt'. Then call it prompt"),
        ("l.csv", "prompt;seed\na;1;2\n", r"l\.csv:2: 3 cells under 2 columns; quote cells that hold ';'"),
        ("l.csv", "prompt,seed,\na,1,x\n", r"l\.csv:2: 3 cells under 2 columns"),
        ("l.csv", "prompt,losses..a\na,1\n", r"l\.csv:2: .*is not KEY=VALUE"),
        ("l.csv", "prompt," + "noise." * 5000 + "a\na,1\n", r"l\.csv:2: .*a key of 5,001 parts"),
        ("l.jsonl", '{"prompt": "a \\ud800"}', r"l\.jsonl:1: .*half a character \(U\+D800"),
        ("l.jsonl", '{"prompt": "a", "\\udfff": 1}', r"half a character"),
        (
            "l.jsonl",
            '{"prompt": "a", "seed": ' + "9" * 5000 + "}",
            r"l\.jsonl:1: broken JSON \(a number of 5,000 digits",
        ),
        ("l.jsonl", '{"prompt": "a", "noise": ' + "[" * 400 + "]" * 400 + "}", "nested more than 32 deep"),
        ("l.jsonl", "[" * 100_000, "nested too deeply"),
        ("l.jsonl", '{"prompt": "a", "noise' + ".a" * 400 + '": 1}', "more than 32 parts"),
        ("l.jsonl", '{"prompt": "a", "prompt": "b"}', "'prompt' is there twice"),
        ("l.jsonl", '{"prompt": "a", "Prompt": "b"}', "'prompt' is set by two columns"),
        ("l.jsonl", '{"prompt": null}', "the row has no prompt; it is None"),
        ("l.jsonl", "3", "a row is settings by name, not int; or a prompt in quotes"),
        ("l.yaml", "- a\n- 3\n", r"l\.yaml:2: a row is settings by name, not int"),
        ("l.yaml", "- {prompt: a, seed: " + "9" * 5000 + "}", r"l\.yaml:1: .*a number of 5,000 digits"),
        ("l.yaml", "-\tprompt: a\n\tseed: 1\n", "indent with spaces"),
        ("l.yaml", "- a\n---\n- b\n", r"l\.yaml:2: .*one document"),
        ("l.yaml", "- 'a\n", r"l\.yaml:2: .*close the quote"),
        ("l.csv", 'prompt\n"a\n', "a quote is not closed"),
    ],
)
def test_more_lists_that_cannot_be(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        found(tmp_path, name, content)
    assert "\n" not in str(refused.value)


def test_what_is_no_list_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"is a folder without a list \(manifest\.sqlite\); give a file"):
        list(read(str(tmp_path)))
    for path in ("a\0.txt", "x" * 300 + ".txt", "~no-such-user/list.txt"):
        with pytest.raises(UsageError):
            list(read(path))
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        list(read("-"))


@pytest.mark.slow
def test_a_long_list_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    with open(path, "w") as file:
        for number in range(100_000):
            file.write(f"a fox, number {number}\n")

    def most(rows: Iterator[Row]) -> int:
        tracemalloc.start()
        assert sum(1 for _ in rows) == 100_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert most(read(str(path))) < 200_000
