"""The table of a grid: numbers that are right, in every form."""

from __future__ import annotations

import csv
import io
import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pixgen.batch.manifest import Manifest
from pixgen.batch.report import Interval, Sample, compare, plot, samples, student, to_csv, to_latex
from pixgen.errors import UsageError

from .conftest import Lists, rows


def made(effect: float = 1.0) -> list[Sample]:
    """Two axes over 6 prompts and 2 seeds; `b` adds `effect` to every pair, whatever the prompt is worth."""
    return [
        Sample({"kind": kind, "size": size}, (f"prompt {p}", seed), {"loss": 10 * p + seed + effect * (kind == "b")})
        for p in range(6)
        for seed in (1, 2)
        for kind in ("a", "b")
        for size in ("32", "64")
    ]


@pytest.mark.parametrize(
    ("freedom", "t"),  # Abramowitz and Stegun, table 26.10, column 0.95 (two-sided)
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980)],
)
def test_students_t(freedom: int, t: float) -> None:
    assert student(freedom) == pytest.approx(t, abs=6e-4)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_an_interval_is_mean_and_standard_error(values: list[float]) -> None:
    found = Interval.of(values)
    x = torch.tensor(values, dtype=torch.float64)
    assert found.mean == pytest.approx(x.mean().item(), abs=1e-6) and found.n == len(values)
    assert found.half == pytest.approx(student(len(values) - 1) * x.std().item() / len(values) ** 0.5, abs=1e-6)


def test_pairs_see_what_means_cannot() -> None:
    lines = {(line.axis, line.value): line for line in compare(made())}
    b = lines["kind", "b"]
    assert b.mean.n == 24 and b.mean.half > 5  # the prompts differ by far more
    assert b.difference is not None and (b.difference.mean, b.difference.half, b.difference.n) == (1, 0, 24)
    assert lines["kind", "a"].difference is None
    assert lines["size", "64"].difference == Interval(0, 0, 24)
    (other,) = [line for line in compare(made(), baselines={"kind": "b"}, axes=["kind"]) if line.value == "a"]
    assert other.difference is not None and other.difference.mean == -1


def test_prompts_can_be_the_samples() -> None:
    (line, _) = compare(made(), axes=["kind"], by_prompt=True)
    assert line.mean.n == 6
    assert line.mean.mean == pytest.approx(statistics.fmean(10 * p + 1.5 for p in range(6)))


def test_a_missing_picture_makes_no_pair() -> None:
    (b,) = [line for line in compare(made()[1:], axes=["kind"]) if line.value == "b"]
    assert b.mean.n == 24 and b.difference is not None and b.difference.n == 23


def test_a_list_without_a_grid_has_its_means() -> None:
    (line,) = compare([Sample({}, ("a", 1), {"loss": 2.0}), Sample({}, ("b", 1), {"loss": 4.0})])
    assert (line.value, line.mean.mean, line.mean.n, line.difference) == ("all", 3, 2, None)


@pytest.mark.parametrize(
    "options", [{"scores": ["los"]}, {"axes": ["kin"]}, {"baselines": {"kind": "x"}}, {"baselines": {"kid": "a"}}]
)
def test_what_is_not_there_is_told(options: dict) -> None:
    with pytest.raises(UsageError, match="in this list; (did you mean '(loss|kind)'|there are a, b)"):
        compare(made(), **options)


@pytest.mark.slow
def test_the_table_as_csv_latex_and_plot() -> None:
    lines = compare(made())
    (head, *table) = csv.reader(io.StringIO(to_csv(lines)))
    assert head[:4] == ["axis", "value", "score", "mean"] and len(table) == 4
    assert float(table[1][3]) == lines[1].mean.mean and float(table[1][6]) == 1 and table[0][6] == ""
    tex = to_latex(compare([Sample({"a_b": "50%"}, ("p", 1), {"loss": 1.0})]))
    assert r"a\_b & 50\% & $1$ & --" in tex and tex.count(r"\\") == 2
    pytest.importorskip("matplotlib")
    for suffix, magic in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        data = plot(lines, suffix)
        assert data.startswith(magic) and data == plot(lines, suffix)


@pytest.mark.slow
def test_the_scores_of_a_list(lists: Lists) -> None:
    grid = {"losses.clip.type": ["clip", "clip_mean"]}
    lists.draw(lists.jobs("a\nb\nc\n", seeds=[1, 2], grid=grid))
    lines = compare(samples(lists.out))
    assert [(line.value, line.score, line.mean.n) for line in lines] == [
        (kind, score, 6) for kind in ("clip", "clip_mean") for score in ("loss", "held_out", "seconds")
    ]
    assert all(math.isfinite(line.mean.mean) for line in lines)
    assert all(line.difference and line.difference.n == 6 for line in lines[3:])
    assert [line.score for line in compare(samples(lists.out), ["loss.clip"])] == ["loss.clip"] * 2
    with pytest.raises(UsageError, match="no picture of this list is finished"):
        lists.draw(lists.jobs("explode\n", losses={"t": {"type": "trouble"}}), lists.folder / "none")
        samples(lists.folder / "none")


def test_all_that_a_template_becomes_is_counted(lists: Lists) -> None:
    lists.draw(lists.jobs("a {cat|dog}\n", combinations=True, seeds=[1]))
    assert [line.mean.n for line in compare(samples(lists.out), ["loss"])] == [2]
    assert [line.mean.n for line in compare(samples(lists.out), ["loss"], by_prompt=True)] == [1]


@pytest.mark.slow
def test_rows_of_other_settings_are_paired_each_with_itself(lists: Lists) -> None:
    """One prompt, one seed, two rows that differ in their own steps; a picture that is missing shifts nothing."""
    two = rows({"prompt": "a fox", "seed": 1, "steps": 2}, {"prompt": "a fox", "seed": 1, "steps": 3})
    lists.draw(list(lists.plan(grid={"losses.clip.weight": [1, 2]}).expand(two)))
    weight_1, weight_2 = compare(samples(lists.out), ["loss"])
    assert weight_1.mean.n == weight_2.mean.n == 2 and weight_2.difference and weight_2.difference.n == 2
    losses = {(record.axes["losses.clip.weight"], record.planned): record.losses["total"] for record in lists.records()}
    with Manifest(lists.out) as manifest:
        manifest.record(1, steps=1, seconds=1.0, losses={}, scores={}, rank=0.0)  # a draft again
    (weight_2,) = compare(samples(lists.out), ["loss"], baselines={"losses.clip.weight": "1"})[:1]
    assert weight_2.difference and weight_2.difference.n == 1
    assert weight_2.difference.mean == pytest.approx(losses[2, 3] - losses[1, 3])


def test_what_an_axis_says_is_no_formula_and_no_markup() -> None:
    values = ['=HYPERLINK("http://x","y")', "@SUM(1)", "-0.5", "+a", "two\nlines\x1b[31m", "$\\frac$ $"]
    found = [Sample({"a": value}, ("p", number), {"loss": 1.0 + number}) for number, value in enumerate(values)]
    lines = compare(found)
    (_, *table) = csv.reader(io.StringIO(to_csv(lines)))
    written = {row[1] for row in table}
    assert {'\'=HYPERLINK("http://x","y")', "'@SUM(1)", "-0.5", "'+a"} <= written
    tex = to_latex(lines)
    assert "\x1b" not in tex and "two\nlines" not in tex
    assert plot(lines, ".svg").startswith(b"<?xml")
