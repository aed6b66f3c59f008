"""Rows become jobs: keys that mean the picture, seeds that do not depend on the line, grids that multiply."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixgen.batch.command_line import assignments
from pixgen.batch.plan import MAX_JOBS, parse_grid, parse_seeds
from pixgen.batch.rows import Row
from pixgen.errors import UsageError
from pixgen.settings import config as configs
from pixgen.settings.layers import parse_assignments

from .conftest import Lists, rows


def test_a_seed_comes_from_what_the_row_says_never_from_its_line(lists: Lists) -> None:
    before = lists.jobs("a fox\na cat\na fox\n")
    after = lists.jobs("a dog\n\n# moved\na cat\na fox\na fox\n")
    assert {job.key for job in before} < {job.key for job in after}
    assert len({job.seed for job in before}) == 3  # the second fox is another fox
    assert {job.key for job in lists.jobs("a fox\n", seed=1)}.isdisjoint(job.key for job in before)
    # Neither what holds for all rows nor the grid changes the seeds, so that pictures can be compared in pairs.
    grid = lists.jobs("a fox\n", steps=3, grid={"losses.clip.weight": [1, 2]})
    assert {job.seed for job in grid} == {before[0].seed} and len({job.key for job in grid}) == 2


def test_the_key_is_of_the_requested_config(lists: Lists) -> None:
    def key(row: dict, **settings: object) -> str:
        (job,) = lists.plan(**settings).expand(rows({"prompt": "a fox", "seed": 1} | row))
        return job.key

    assert key({}) == key({"steps": 2}) == key({}, batch="auto")
    different = [key({}), key({"prompt": "a cat"}), key({"seed": 2}), key({"steps": 3}), key({}, threads="auto")]
    assert len(set(different)) == len(different)


def test_rows_that_say_the_same_with_a_seed_are_one_picture(lists: Lists) -> None:
    found = list(lists.plan().expand(rows(*[{"prompt": "a fox", "seed": 1}] * 2)))
    assert found[0].key == found[1].key
    counts, watched = lists.draw(found)
    assert counts["done"] == 1 and len(watched.paths) == 1


def test_the_grid_and_the_seeds_multiply_in_order(lists: Lists) -> None:
    grid = parse_grid(["steps=2,3", "losses.clip.type=clip,clip_mean"])
    found = lists.jobs("a\nb\n", grid=grid, seeds=parse_seeds("4..5"))
    told = [(job.prompt, job.seed, job.axes["steps"], job.axes["losses.clip.type"]) for job in found]
    assert told == list(itertools.product("ab", [4, 5], [2, 3], ["clip", "clip_mean"]))
    assert [job.config().steps for job in found[:4]] == [2, 2, 3, 3]
    assert found[1].config().losses["clip"]["type"] == "clip_mean"


def test_a_row_wins_over_the_flags_and_the_grid_over_the_row(lists: Lists) -> None:
    row = Row({"prompt": "a", "size": "48x48", "steps": 7}, "row 1", presets=("draft",))
    (job,) = lists.plan().expand([row])
    assert (job.config().size, job.config().steps, job.config().stages[0].cutouts) == ((48, 48), 7, 12)
    assert {job.config().steps for job in lists.plan(grid={"steps": [8, 9]}).expand([row])} == {8, 9}
    looks = [job.config().stages for job in lists.plan(grid={"preset": ["draft"]}).expand(rows({"prompt": "a"}))]
    assert looks == [job.config().stages]


def test_choices_are_settled_and_the_template_kept(lists: Lists) -> None:
    (lists.folder / "animal.txt").write_text("fox\ncat\n")
    from pixgen.prompts.wildcards import Wildcards

    plan = {"wildcards": Wildcards([lists.folder])}
    drawn = lists.jobs("a {red|blue} __animal__\n", seeds=range(20), **plan)
    assert {job.prompt for job in drawn} == {"a red fox", "a red cat", "a blue fox", "a blue cat"}
    assert {job.template for job in drawn} == {"a {red|blue} __animal__"}
    every = lists.jobs("a {red|blue} __animal__\n", combinations=True, **plan)
    assert [job.prompt for job in every] == ["a red fox", "a red cat", "a blue fox", "a blue cat"]
    (plain,) = lists.jobs("a fox\n")
    assert plain.template is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a", "stepz": 3}, "row 1: unknown column 'stepz'; did you mean 'steps'"),
        ({"prompt": "a", "steps": "many"}, "row 1: steps is 'many'"),
        ({"prompt": "a", "seed": -1}, "row 1: seed is -1"),
        ({"prompt": "a {b"}, "row 1: the prompt has a '{' without"),
        ({"prompt": "x" * 10_001}, "row 1: the prompt has 10,001 characters; the most is 10,000"),
        ({"prompt": " | "}, "row 1: the prompt is empty"),
        ({"prompt": "a", "losses": {"clop": {"type": "clop"}}}, "did you mean 'clip'"),
    ],
)
def test_a_row_that_cannot_be_is_told_with_its_place(row: dict, message: str, lists: Lists) -> None:
    with pytest.raises(UsageError, match=message):
        list(lists.plan().expand(rows(row)))


def test_multiplying_beyond_the_bound_needs_a_yes(lists: Lists) -> None:
    many = range(MAX_JOBS + 1)
    with pytest.raises(UsageError, match=r"multiplies to 10,001 pictures or more, beyond 10,000; add --yes"):
        next(lists.plan(seeds=many).expand(rows({"prompt": "a"})))
    with pytest.raises(UsageError, match="add --yes"):  # counted, not made
        next(lists.plan(combinations=True).expand(rows({"prompt": "{a|b}" * 40})))
    assert next(lists.plan(seeds=many, allow_many=True).expand(rows({"prompt": "a"}))).seed == 0


@pytest.mark.slow
def test_a_long_plain_list_is_no_bomb_and_quick(lists: Lists) -> None:
    lines = ({"prompt": f"fox {number}"} for number in range(MAX_JOBS + 50))
    jobs = lists.plan().expand(Row(line, "a row") for line in lines)
    assert len({job.key for job in jobs}) == MAX_JOBS + 50


@pytest.mark.parametrize(
    ("word", "axes"),
    [
        ("steps=2,3", {"steps": [2, 3]}),
        ("losses.a={type: x, y: [1, 2]},tv", {"losses.a": [{"type": "x", "y": [1, 2]}, "tv"]}),
    ],
)
def test_an_axis_is_read(word: str, axes: dict) -> None:
    assert parse_grid([word]) == axes


@pytest.mark.parametrize("word", ["steps", "=1", "steps=", "seed=1,2", "prompt=a,b"])
def test_an_axis_that_cannot_be(word: str) -> None:
    with pytest.raises(UsageError, match="--grid"):
        parse_grid([word])


def test_seeds_are_read() -> None:
    assert parse_seeds("1..3,7,2") == [1, 2, 3, 7]
    for text in ("", "a", "3..1", "-1", "0..9999999999", "9223372036854775808"):
        with pytest.raises(UsageError, match="--seeds"):
            parse_seeds(text)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "steps": st.integers(1, 500),
            "generator": st.sampled_from(["toy", "pixel", {"type": "multires"}]),
            "losses": st.sampled_from([{"clip": None, "tv": {"weight": 0.5}}, {"clip": {"type": "clip_mean"}}]),
            "noise": st.sampled_from([0, 0.5, {"type": "cosine"}]),
            "optimizer": st.sampled_from([{"lr": 1e-3}, {"type": "SGD", "lr": 3.0}]),
            "average": st.floats(0, 0.99),
        },
    )
)
def test_settings_as_words_are_the_same_settings(lists: Lists, said: dict) -> None:
    (job,) = lists.plan(**said).expand(rows({"prompt": "a"}))
    assert configs.resolve(parse_assignments(assignments(job.settings))) == job.settings.config


@pytest.mark.slow
def test_a_picture_and_a_manifest_are_lists_as_well(lists: Lists, tmp_path: Path) -> None:
    from pixgen.batch.lists import read

    jobs = lists.jobs("a {red|blue} fox\na cat | fog :0.3\n", seeds=[3, 4])
    lists.draw(jobs)
    again = tmp_path / "again"
    lists.draw(list(lists.plan().expand(read(str(lists.out)))), again)
    assert lists.pictures(again) == lists.pictures() and len(lists.pictures()) == 4
    (name, data), *_ = lists.pictures().items()
    from_picture = tmp_path / "picture"
    lists.draw(list(lists.plan().expand(read(str(lists.out / name)))), from_picture)
    assert list(lists.pictures(from_picture).values()) == [data]


def test_rows_name_files_in_their_folders_alone(lists: Lists, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, outside = tmp_path / "lists", tmp_path / "outside"
    for made in (folder, outside):
        made.mkdir()
        (made / "fox.png").touch()
    (folder / "link.png").symlink_to(outside / "fox.png")
    monkeypatch.chdir(folder)

    def expand(row: dict, folders: list[Path] | None, **flags: object) -> None:
        list(lists.plan(folders=folders, **flags).expand(rows({"prompt": "a fox"} | row)))

    hostile = [
        *({"start": {"type": "image", "path": str(path)}} for path in (outside / "fox.png", "../outside/fox.png")),
        *({"start": {"type": "image", "path": path}} for path in ("~/fox.png", "link.png", "\\\\server\\share\\x")),
        *({"prompt": f"a cat | image:{path}:0.5"} for path in (outside / "fox.png", "../x.png", "link.png", "~root/x")),
        {"losses": {"near": {"type": "target", "path": str(outside / "fox.png")}}},
        {"generator": {"type": "vqgan", "model": str(outside / "x.ckpt")}},
    ]
    for row in hostile:
        with pytest.raises(UsageError, match=r"^row 1: .*outside .*--allow-folder DIR$"):
            expand(row, [folder])
    for row in [*hostile[:2], *hostile[5:6]]:
        expand(row, [folder, outside])
    for path in ("fox.png", str(folder / "fox.png"), "sub/none.png"):
        expand({"start": {"type": "image", "path": path}, "prompt": f"a cat | image:{path}"}, [folder])
    # What the user types, and the rows of a caller's own, may name anything.
    expand({}, [folder], start={"type": "image", "path": str(outside / "fox.png")})
    expand(hostile[0], None)
