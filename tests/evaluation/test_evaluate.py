"""Measuring: intervals are right, pairs differ in one thing, prompt lists are whole, drawing resumes after a stop."""

from __future__ import annotations

import json
import math
import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixgen.errors import PixgenError, UsageError
from pixgen.evaluation import drawing, embeddings, evaluate, networks, prompt_lists, statistics
from pixgen.evaluation.prompt_lists import PromptRow
from pixgen.io import pictures, resources
from pixgen.networks import store
from pixgen.plugins.perceptors.tiny import Tiny
from pixgen.scenery.subjects import load_subjects
from pixgen.training.data import drawings
from pixgen.training.data.labels import LABELS
from pixgen.training.data.scenes import Scenes
from pixgen.training.data.sketches import Sketch
from pixgen.training.judge import Judge, architecture
from tests.networks import toys
from tests.training.shapes import SHAPES, pack

# -- figures -----------------------------------------------------------------------------------------------


def test_wilson_s_interval() -> None:
    """Against the worked values of Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for hits, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = statistics.share("x", [i < hits for i in range(n)])
        assert (found.value, found.n) == (hits / n, n)
        assert found.low == pytest.approx(low, abs=5e-5) and found.high == pytest.approx(high, abs=5e-5)
    assert math.isnan(statistics.share("x", []).value) and str(statistics.share("x", [])) == "–"


def test_a_bootstrap_interval_is_near_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    found = statistics.mean("x", values.tolist(), "dB")
    half = 1.96 * values.std(ddof=1) / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)
    assert found == statistics.mean("x", values.tolist(), "dB")


def test_a_difference_is_of_pairs() -> None:
    before = [True, False] * 50
    assert statistics.difference("x", before, before).high == 0.0  # no pair differs, however much the pictures do
    better = statistics.difference("x", before, [True] * 100)
    assert better.value == 0.5 and better.low is not None and 0.35 < better.low < 0.5
    assert str(better).startswith("50.0 points (")


def test_figures_are_kept_and_shown(tmp_path: Path) -> None:
    measured = [statistics.share("named", [True, True, False]), statistics.Figure("nothing", math.nan)]
    statistics.save_figures(tmp_path / "f.json", "pixgen train evaluate", measured)
    command, found = statistics.load_figures(tmp_path / "f.json")
    assert found[0] == measured[0] and math.isnan(found[1].value)
    assert statistics.table(found[:1], command) == "| named | 66.7 % (20.8 to 93.9) | 3 | `pixgen train evaluate` |\n"


# -- scenes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(folder, folder / "cache", 96, pack(folder, SHAPES), processes=1)
    index = json.loads((folder / "cache" / "index.json").read_text())
    sprites = np.load(folder / "cache" / "sprites.npy")
    index += [{**entry, "icon_set": drawings.HELD_OUT_ICON_SET} for entry in index[:3]]
    np.save(folder / "cache" / "sprites.npy", np.concatenate((sprites[: len(index) - 3], sprites[:3])))
    (folder / "cache" / "index.json").write_text(json.dumps(index))
    return folder / "cache"


@pytest.mark.parametrize("kind", networks.PAIRS)
def test_twins_differ_in_one_thing_alone(kind: str, cache: Path) -> None:
    scenes, rng = Scenes(cache, 2, 32, 0, 1000, noise=0.0), random.Random(kind)
    for seed in range(6):
        both = networks.twins(scenes, kind, rng)
        assert both is not None
        one, two = both
        first, second = networks.rendered(scenes, (one, two), seed)
        assert not torch.equal(first, second)
        if kind == "style":
            two.scene.style = one.scene.style
        elif kind == "colour":
            two.placed[0].colour = one.placed[0].colour
        else:
            for placed in two.placed:
                placed.x = -placed.x
        same = networks.rendered(scenes, (two,), seed)[0]
        assert torch.equal(first, same)  # every pixel, once the one thing is set back: ground and noise are shared
        _outside(scenes, one, two, kind, first, second)


def _outside(scenes: Scenes, one: Sketch, two: Sketch, kind: str, first: torch.Tensor, second: torch.Tensor) -> None:
    """A colour of a plain drawing changes no pixel where the drawing is not."""
    if kind == "colour" and one.scene.style == "drawing":
        alpha = scenes._cut(one.placed)[0, 3]
        assert torch.equal(first[:, alpha == 0], second[:, alpha == 0])


def test_people_have_no_pairs_of_colours_and_that_is_found_out(cache: Path) -> None:
    """As own drawings of people alone would have it."""
    scenes, rng = Scenes(cache, 2, 32, 0, 1000, noise=0.0), random.Random(0)
    scenes.sketcher.things = scenes.sketcher.counted = scenes.sketcher.people
    assert networks.twins(scenes, "colour", rng) is None
    assert networks.twins(scenes, "style", rng) is not None


def test_fresh_scenes_are_of_one_subject(cache: Path) -> None:
    scenes = Scenes(cache, 4, 24, 0, 1000)
    parts = list(networks.fresh(scenes, 70, styled=False))
    assert [len(images) for images, _, _ in parts] == [64, 6]
    assert all((shown[:, 0] == LABELS["style"].index("drawing")).all() for _, _, shown in parts)


# -- prompts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", prompt_lists.LISTS)
def test_a_list_of_prompts_is_whole(count: int) -> None:
    found, known = prompt_lists.read(count), load_subjects()
    assert len(found) == count and [asked.number for asked in found] == list(range(count))
    words = set(store.about(resources.embedded() / "perceptor.safetensors")["words"])
    for asked in found:
        assert all(group in known and known[group].rank <= prompt_lists.GROUPS for group in asked.groups), asked
        assert all(answer in LABELS[question] for question, answer in asked.answers.items()), asked
        said = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", asked.prompt.lower())
        assert set(said) <= words, asked
    for english, portuguese in zip(found[::2], found[1::2], strict=True):
        assert (english.language, portuguese.language) == ("en", "pt") and english.prompt != portuguese.prompt
        assert (english.subjects, english.answers) == (portuguese.subjects, portuguese.answers)
    assert len({asked.prompt for asked in found}) == count
    assert prompt_lists.read(count)[0].kind == "plain"


def test_any_first_part_of_the_mixed_list_has_all_kinds_in_both_languages() -> None:
    whole = prompt_lists.read(200)
    mixed = prompt_lists.mixed(whole)
    assert sorted(asked.number for asked in mixed) == list(range(200))
    for n in (40, 100, 150):
        for kind in prompt_lists.KINDS:
            share = sum(asked.kind == kind for asked in whole) / 200
            assert abs(sum(asked.kind == kind for asked in mixed[:n]) - share * n) <= 2
        assert abs(sum(asked.language == "pt" for asked in mixed[:n]) - n / 2) <= 1


def test_the_lists_are_made_again_the_same_and_share_no_subject() -> None:
    made = {count: prompt_lists.make(count) for count in prompt_lists.LISTS}
    for count, again in made.items():
        asked = [(a.kind, a.subjects, a.answers) for a in prompt_lists.read(count)]
        assert asked == [(a.kind, a.subjects, a.answers) for a in again]
    tuned, measured = ({g for a in made[n] if a.kind != "teacher" for g in a.groups} for n in (96, 200))
    assert not tuned & measured
    with pytest.raises(UsageError, match="no list of 50 prompts; there are lists of 96 and 200"):
        prompt_lists.read(50)


def test_true_scenes_show_what_is_asked(cache: Path) -> None:
    scenes, rng = Scenes(cache, 1, 32, 0, 1000), random.Random(0)
    two = prompt_lists.sketch(PromptRow(0, "en", "two", "a cat and a dog", "cat|dog"), scenes, rng)
    assert [scenes.index[p.sprite].group for p in two.placed] == ["cat", "dog"] and two.placed[0].x < two.placed[1].x
    old = PromptRow(1, "en", "teacher", "", "teacher|book", "oil", sex="male", age="old")
    teacher = prompt_lists.sketch(old, scenes, rng)
    assert [scenes.index[p.sprite].group for p in teacher.placed] == ["old-man", "book"]
    red = prompt_lists.sketch(PromptRow(2, "en", "colour", "", "car", colour="red", ground="blue"), scenes, rng)
    assert (red.placed[0].colour, red.scene.ground) == ("red", "blue")
    with pytest.raises(UsageError, match="no drawing of tiger in this cache"):
        prompt_lists.sketch(PromptRow(3, "en", "plain", "", "tiger"), scenes, rng)


# -- verdicts and drawing ----------------------------------------------------------------------------------

GROUPS = ["teacher", "cat", "dog", "car", "owl", "book"]


def seen(subjects: list[float], **answers: str) -> dict[str, torch.Tensor]:
    found = {question: torch.zeros(len(known)) for question, known in LABELS.items()}
    for question, answer in answers.items():
        found[question][LABELS[question].index(answer)] = 1.0
    return {"subject": torch.tensor(subjects), **found}


def test_a_verdict_is_what_the_judge_saw() -> None:
    asked = PromptRow(0, "en", "two", "", "cat|car", style="neon", colour="red")
    found = drawing.verdict(asked, seen([0.1, 0.3, 0.25, 0.2, 0.1, 0.05], style="neon", colour="blue"), GROUPS)
    assert found.ranks == (0, 2) and found.answers == {"style": True, "colour": False}
    assert found.in_top(3) and not found.in_top(2)


def verdicts(*ranks: int, kind: str = "plain") -> list[drawing.Verdict]:
    return [drawing.Verdict(PromptRow(i, "en", kind, "", "cat"), (rank,), {}) for i, rank in enumerate(ranks)]


def test_figures_of_a_row() -> None:
    after, before = verdicts(0, 3, 9, 0), verdicts(5, 5, 9, 0)
    found = {figure.what: figure for figure in drawing.figures("loop", after)}
    assert found["loop: single subjects, top-1"].value == 0.5
    assert found["loop: single subjects, top-5"].value == 0.75
    assert [figure.value for figure in drawing.gain("loop", before, after)] == [0.25, 0.5]
    best = drawing.figures("true", verdicts(0, 0, 0, 9))
    assert drawing.relative_to(drawing.figures("loop", after)[:1], best[:1])[0].value == pytest.approx(0.5 / 0.75)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A pair and a judge that know nothing, as files."""
    place = toys.pair(tmp_path_factory.mktemp("toy") / "pair")
    torch.manual_seed(0)
    groups = list(load_subjects())
    judge = Judge(len(groups), (4, 4))
    store.write(judge.state_dict(), place / "judge.safetensors", {"architecture": architecture(judge, groups)})
    return place


def pretend(monkeypatch: pytest.MonkeyPatch, asked_for: list[int], stop_at: int = -1) -> None:
    """Draw grey pictures instead; what is asked for is noted, and a number may stop it all."""

    def draw(setup: drawing.DrawingSetup, row: PromptRow) -> tuple[Image.Image, Image.Image]:
        if row.number == stop_at:
            raise KeyboardInterrupt
        asked_for.append(row.number)
        picture = Image.new("RGB", (16, 16), (row.number, 9, 9))
        return picture, picture

    monkeypatch.setattr(drawing, "_draw", draw)


def test_drawing_resumes_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, setup = prompt_lists.read(96)[:4], drawing.DrawingSetup("loop", "random")
    made: list[int] = []
    pretend(monkeypatch, made, stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        drawing.draw(setup, rows, tmp_path, lambda line: None)
    pretend(monkeypatch, made)
    drawing.draw(setup, rows, tmp_path, lambda line: None)
    assert made == [0, 1, 2, 3]  # each once
    names = sorted(path.name for path in (tmp_path / "loop-random-128x128").iterdir())
    assert names == sorted([f"{i:03d}{end}.png" for i in range(4) for end in ("", ".start")] + ["settings.json"])
    with pytest.raises(UsageError, match=r"pictures of other settings.*give another --out"):
        drawing.draw(drawing.DrawingSetup("loop", "random", settings=("steps=9",)), rows, tmp_path)
    assert {"tokens", "prior"} <= set(drawing.DrawingSetup("dalle2").weights) and "tokens" not in setup.weights
    monkeypatch.setattr(drawing.files, "sha256", lambda path: "trained further")
    with pytest.raises(UsageError, match=r"pictures of other settings or weights.*give another --out"):
        drawing.draw(setup, rows, tmp_path)


def test_what_cannot_be_judged_is_not_drawn(
    cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    pretend(monkeypatch, made)
    options = evaluate.Options(cache=cache, folder=folder, out=tmp_path, what="prompts")
    monkeypatch.setattr(prompt_lists, "read", lambda count: [PromptRow(0, "en", "plain", "a yeti", "yeti")])
    with pytest.raises(PixgenError, match="judge did not learn yeti"):
        evaluate.main(options)
    monkeypatch.setattr(prompt_lists, "read", lambda count: [PromptRow(0, "en", "plain", "a pilot", "pilot")])
    with pytest.raises(PixgenError, match="no drawing of pilot"):
        evaluate.main(options)
    assert not made


@pytest.mark.slow
def test_evaluate_measures_and_makes_the_card(
    cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, [])
    monkeypatch.setattr(prompt_lists, "sketch", None)  # the toy cache has no drawings of these subjects
    monkeypatch.setattr(drawing, "true_verdicts", lambda *_: verdicts(0, 0))
    common = {"cache": cache, "folder": folder, "out": tmp_path, "attack": networks.Attack(steps=2)}
    evaluate.main(evaluate.Options(**common, what="perceptor,judge", pictures=12))
    evaluate.main(evaluate.Options(**common, what="prompts", limit=4))
    capsys.readouterr()
    evaluate.main(evaluate.Options(**common, card=True))
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("| measure | figure")
    said = " ".join(rows)
    for words in ("icon sets it knows, Portuguese: top-5", "under a 2-step L2 attack", "left or right (chance 50 %)"):
        assert words in said
    assert "held out: top-1" in said and "gain of the loop over its start, top-1" in said
    assert all("`pixgen train evaluate --what " in row for row in rows[2:])
    (tmp_path / "none").mkdir()
    missing = {**common, "folder": tmp_path / "none"}
    with pytest.raises(PixgenError, match=r"not measured: vqgan: .*perceptor\.safetensors.*; judge: .*judge\.safetens"):
        evaluate.main(evaluate.Options(**missing, what="vqgan,judge"))
    with pytest.raises(UsageError, match="--what vqgn is unknown; there are all, perceptor"):
        evaluate.main(evaluate.Options(**common, what="vqgn"))
    with pytest.raises(UsageError, match="the final judge is not shipped; give --judge the path"):
        evaluate.main(evaluate.Options(**common, what="judge", judge="final"))


@pytest.mark.slow
def test_what_is_drawn_by_the_product_itself_is_judged(
    cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drawing, "true_verdicts", lambda *_: verdicts(0, 0))
    common = {"cache": cache, "folder": folder, "out": tmp_path, "size": "32x32", "what": "prompts"}
    monkeypatch.setattr(prompt_lists, "read", lambda count: [PromptRow(0, "en", "plain", "a cat", "cat")])
    evaluate.main(evaluate.Options(**common, method="loop", set=("steps=2", "starts=1")))
    evaluate.main(evaluate.Options(**common, method="dalle1", set=("start.candidates=2",)))
    for name in ("loop-random-32x32", "dalle1-32x32"):
        assert pictures.read(tmp_path / "prompts96" / name / "000.png").shape == (1, 3, 32, 32)
    assert "dalle1-32x32: single subjects, top-1" in capsys.readouterr().out


@pytest.mark.slow
def test_dalle_2_s_way_is_measured(cache: Path, folder: Path, tmp_path: Path) -> None:
    options = {"cache": cache, "folder": folder, "out": tmp_path, "pictures": 16}
    evaluate.main(evaluate.Options(**options, what="tokens,prior,variations"))
    measured = {f.what: f.value for path in tmp_path.glob("figures-*.json") for f in statistics.load_figures(path)[1]}
    bits = [measured.pop(what) for what in list(measured) if what.startswith("bits a code")]
    chance = math.log2(toys.TOKENS.codes)
    assert len(bits) == 4 and all(abs(value - chance) < 2 for value in bits)  # it has learnt nothing
    assert all(-1 <= value <= 4 for value in measured.values())
    varied = "variations of plain scenes at strength 0.75: style"
    assert {"cosine to the true image embedding, ridge regression", varied} <= set(measured)
    assert measured["edits of strength 0: share of codes that differ"] == 0
    assert measured["edits of strength 1: share of codes that differ"] > 0


def test_the_attack_stays_within_its_radius_and_does_harm(folder: Path) -> None:
    tiny = Tiny(str(folder / "perceptor.safetensors"))
    tiny.prepare(torch.device("cpu"))
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    target, place = tiny.encode_text(["a cat", "a dog", "a red teacher"]), torch.tensor([0, 1, 2])
    moved = networks.attack(tiny, images, place, target)
    lengths = (moved - images).flatten(1).norm(dim=1)
    assert (lengths <= 0.5 + 1e-4).all() and (lengths > 0.2).all() and moved.min() >= 0 and moved.max() <= 1

    def right(x: torch.Tensor) -> torch.Tensor:
        return (30 * tiny.encode_image(x) @ target.T).log_softmax(1)[place, place]

    assert (right(moved) < right(images)).all()


# -- embeddings --------------------------------------------------------------------------------------------


def test_ridge_finds_a_linear_map() -> None:
    torch.manual_seed(0)
    texts, true = torch.randn(500, 6), torch.randn(7, 6)
    images = torch.cat((texts, torch.ones(500, 1)), 1) @ true
    torch.testing.assert_close(embeddings.ridge(texts, images), true, rtol=0, atol=0.3)
