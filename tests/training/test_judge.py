"""A judge learns the same whether it was killed or not, knows two things at once, and its file says what it is."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files
from pixgen.networks import store
from pixgen.scenery.subjects import load_subjects
from pixgen.training import judge, monitor
from pixgen.training.data import drawings
from pixgen.training.data.labels import LABELS
from pixgen.training.data.pool import open_pool
from pixgen.training.data.scenes import Scenes
from tests.training.shapes import SHAPES, pack
from tests.training.trained import kill_after, train

VALUES = {"pictures": 24, "pool": 12, "subjects": 1000}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawings.rasterise(folder, folder / "cache", 96, pack(folder, SHAPES), processes=1)
    return folder / "cache"


@pytest.mark.slow
def test_a_judge_that_was_killed_ends_as_one_that_was_not(cache: Path, tmp_path: Path) -> None:
    whole = train(judge, tmp_path / "whole", cache=cache, **VALUES)
    kill_after(3, judge, tmp_path / "cut", cache=cache, **VALUES)  # between the two sizes
    resumed = train(judge, tmp_path / "cut", cache=cache, **VALUES)
    assert whole["step"] == resumed["step"] == 6
    for network in ("judge", "average"):
        assert all(torch.equal(whole[network][key], resumed[network][key]) for key in whole[network])


@pytest.mark.slow
def test_the_file_resumes_and_holds_its_facts(cache: Path, tmp_path: Path) -> None:
    train(judge, tmp_path / "old", cache=cache, final=True, **VALUES)
    path = tmp_path / "old" / "judge.safetensors"
    network, groups = judge.load(path)
    facts = store.about(path)
    assert (facts["judge"], facts["hands"], facts["pictures"]) == ("final", "all", 24)
    assert groups[0] == "teacher" and path.stat().st_size <= 3_000_000
    seen = network.classify(torch.rand(2, 3, 40, 56))
    assert {question: len(row) for question, row in zip(seen, [p[0] for p in seen.values()], strict=True)} == {
        "subject": len(groups), **{question: len(answers) for question, answers in LABELS.items()}
    }  # fmt: skip
    assert all(torch.allclose(p.sum(1), torch.ones(2)) for p in seen.values())
    more = {**VALUES, "pictures": 32, "restart": path}
    assert train(judge, tmp_path / "new", cache=cache, final=True, **more)["begun"] == 6


@pytest.mark.slow
def test_a_toy_numbers_its_subjects_as_the_table_does(cache: Path, tmp_path: Path) -> None:
    few = {**VALUES, "subjects": 12}
    train(judge, tmp_path, cache=cache, **few)
    groups = judge.load(tmp_path / "judge.safetensors")[1]
    assert groups == list(load_subjects())[: len(groups)] and {"cat", "apple"} <= set(groups)
    with pytest.raises(UsageError, match="begun with judge validation, and now it is final"):
        train(judge, tmp_path, cache=cache, final=True, **few)


def test_a_pool_that_was_cut_off_leaves_nothing(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = Scenes(cache, 4, 24, 3, 1000)
    leave_half_written(tmp_path / "pool.npy", monkeypatch)
    assert len(open_pool(tmp_path / "pool.npy", scenes, 4)) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pool.json", "pool.npy"]


def leave_half_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill leaves of a file."""
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(Path, "unlink", lambda *_, **__: None)
        with files.replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt
    assert len(list(path.parent.iterdir())) == 1


def test_half_a_line_of_log_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"seconds": 1, "pictures": 2, "loss": 3}\n{"seconds": 2, "pic')
    assert monitor.series(tmp_path / "log.jsonl") == {"loss": ([2], [3])}


def test_files_that_are_no_judge_s_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PixgenError, match=r"not found: .*none\.safetensors; make them with"):
        judge.load(tmp_path / "none.safetensors")
    (tmp_path / "damaged").write_bytes(b"x" * 40)
    with pytest.raises(PixgenError, match=r"damaged is damaged: .*install pixgen again"):
        judge.load(tmp_path / "damaged")
    save_file({"w": torch.zeros(1)}, tmp_path / "other", metadata={"pixgen": json.dumps({"labels": {"style": []}})})
    with pytest.raises(PixgenError, match="other is not a judge of this version"):
        judge.load(tmp_path / "other")


def test_two_things_share_the_answer() -> None:
    assert judge.soft_targets([[2], [0, 3]], 4).tolist() == [[0, 0, 1, 0], [0.5, 0, 0, 0.5]]
    logits = {"subject": torch.tensor([[0.0, 9, 0], [9, 9.1, 0]])}
    logits |= {question: torch.zeros(2, len(answers)) for question, answers in LABELS.items()}
    labels = torch.full((2, len(LABELS)), -1)
    assert errors_of(logits, [[1], [0, 1]], labels)["subject"] == 1.0
    assert errors_of(logits, [[0], [2]], labels) == {"subject": 0.0}  # no question can be answered: none is counted


def errors_of(logits: dict[str, torch.Tensor], things: list[list[int]], labels: torch.Tensor) -> dict[str, float]:
    loss, values = judge.loss_and_accuracy(logits, things, labels)
    assert loss.isfinite()
    return values


def test_a_judge_learns_the_ten_shapes(cache: Path) -> None:
    scenes = Scenes(cache, 40, 32, 1, 1000, plain=True)
    torch.manual_seed(0)
    network = judge.Judge(len(scenes.numbers), (8, 16, 16))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    batch = scenes[0]
    for _ in range(30):
        loss, values = judge.loss_and_accuracy(network(batch.images), batch.things, batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert values["subject"] > 0.8


def test_the_labels_of_a_scene_are_what_it_shows(cache: Path, tmp_path: Path) -> None:
    batch = Scenes(cache, 64, 16, 5, 1000)[0]
    questions = list(LABELS)
    assert batch.labels.shape == (64, len(LABELS)) and torch.equal(batch.labels[:, 0], batch.styles)
    for named, subject, answers in zip(batch.things, batch.subjects, batch.labels, strict=True):
        assert 1 <= len(named) <= 2 and (subject < 0) <= (len(named) == 2)
        assert subject < 0 or named[0] == subject  # and perhaps what a person holds
        assert subject >= 0 or answers[questions.index("colour")] < 0  # of two things no one colour
    assert (batch.labels[:, questions.index("place")] > 0).any()
    kept = open_pool(tmp_path / "pool.npy", Scenes(cache, 4, 16, 5, 1000), 8)
    first = Scenes(cache, 4, 16, 5, 1000)[0]
    assert torch.equal(kept.labels[:4], first.labels) and kept.things[:4] == first.things


@pytest.mark.parametrize("hardness", [0.0, 1.0])
def test_a_judge_s_camera_keeps_range_and_size_and_its_draws(hardness: float) -> None:
    images = torch.rand(9, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    one, two = (judge.augment(images.clone(), 48, hardness, torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.shape == (9, 3, 48, 48) and one.min() >= 0 and one.max() <= 1 and torch.equal(one, two)


def test_learning_begins_small_and_easy() -> None:
    steps = [judge.schedule(progress, 500, 1.0) for progress in (0.0, 0.3, 0.7, 0.9, 1.0)]
    assert [side for side, _, _ in steps] == [32, 32, 48, 64, 64]
    assert [hardness for _, hardness, _ in steps] == [0.0, 1.0, 1.0, 1.0, 1.0]
    rates = [lr for _, _, lr in steps]
    assert rates == sorted(rates, reverse=True) and rates[-1] == pytest.approx(0.01)
