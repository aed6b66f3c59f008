"""Classification: its arithmetic is open_clip's, averages are means, and pictures are called by what they show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from pixgen.errors import UsageError
from pixgen.models import clips
from pixgen.recognition import classify, clip_models, labels, unlike
from pixgen.recognition.clip_models import ClipModel
from tests.models import small
from tests.recognition.conftest import DOCS

LABELS = ["cat", "an apple", "gato"]


def photo(path: Path, size: tuple[int, int] = (90, 50)) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (size[1] // 10, size[0] // 10, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.mark.parametrize("size", [(90, 50), (33, 120), (32, 32)])
def test_the_arithmetic_is_open_clip_s(open_clip_model: str, tmp_path: Path, size: tuple[int, int]) -> None:
    package, network = clips.open_clip(), small.network()
    path = photo(tmp_path / "a.png", size)
    preprocess = package.image_transform(32, is_train=False, mean=clips._MEAN, std=clips._STD)
    with torch.no_grad():
        image = F.normalize(network.encode_image(preprocess(Image.open(path).convert("RGB"))[None]), dim=-1)
        texts = []
        for label, language in zip(LABELS, ("en", "en", "pt"), strict=True):
            filled = [labels.fill(each, label, language) for each in labels.PHOTOGRAPHED[language]]
            embedded = F.normalize(network.encode_text(package.tokenize(filled)), dim=-1).mean(0)
            texts.append(F.normalize(embedded, dim=-1))
        expected = (network.logit_scale.exp() * image @ torch.stack(texts).T).softmax(-1)[0]
    (found,) = classify.classify([clip_models.load(open_clip_model)], [path], LABELS)
    assert list(found.scores) == LABELS
    torch.testing.assert_close(torch.tensor(list(found.scores.values())), expected, rtol=1e-4, atol=1e-5)
    assert found.unlike == {}


def test_several_clips_are_averaged(open_clip_model: str, tiny: ClipModel, tmp_path: Path) -> None:
    path = photo(tmp_path / "a.png")
    other = clip_models.load(open_clip_model)
    one, two, both = (classify.classify(each, [path], LABELS)[0] for each in ([tiny], [other], [tiny, other]))
    for label in LABELS:
        assert both.scores[label] == pytest.approx((one.scores[label] + two.scores[label]) / 2, abs=1e-6)
        assert both.cosines[label] == pytest.approx((one.cosines[label] + two.cosines[label]) / 2, abs=1e-6)


@pytest.mark.parametrize("said", [["teacher", "apple", "dog"], ["professora", "maçã", "cachorro"]])
def test_the_embedded_clip_knows_an_apple(said: list[str], tiny: ClipModel) -> None:
    found = classify.classify([tiny], [DOCS / "apple.png", DOCS / "teacher.png"], said)
    assert [one.best for one in found] == [said[1], said[0]]
    assert all(sum(one.scores.values()) == pytest.approx(1) for one in found)
    assert found[0].file == str(DOCS / "apple.png")


def test_the_temperature_is_the_model_s_own(tiny: ClipModel) -> None:
    (found,) = classify.classify([tiny], [DOCS / "apple.png"], ["teacher", "apple"])
    scale = tiny.perceptor.logit_scale
    assert 10 < scale <= 30
    expected = (scale * torch.tensor(list(found.cosines.values()))).softmax(0)
    torch.testing.assert_close(torch.tensor(list(found.scores.values())), expected)


def test_templates_of_the_user_s_replace_the_others(tiny: ClipModel) -> None:
    (found,) = classify.classify([tiny], [DOCS / "apple.png"], ["teacher", "apple"], templates=["{}"])
    image, texts = tiny.encode_image([clip_models.opened(DOCS / "apple.png")]), tiny.encode_text(["teacher", "apple"])
    torch.testing.assert_close(torch.tensor(list(found.cosines.values())), (image @ texts.T)[0])


def test_a_picture_of_pillow_s_is_a_picture(tiny: ClipModel) -> None:
    with Image.open(DOCS / "apple.png") as image:
        (found,) = classify.classify([tiny], [image], ["teacher", "apple"])
    assert found.best == "apple" and found.file == ""


def test_a_broken_file_is_raised_or_left_out(tiny: ClipModel, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    files = [DOCS / "teacher.png", tmp_path / "broken.png", DOCS / "apple.png"]
    with pytest.raises(UsageError, match="broken"):
        classify.classify([tiny], files, ["teacher", "apple"])
    left_out: list[object] = []
    found = classify.classify(
        [tiny, tiny], files, ["teacher", "apple"], broken=lambda file, error: left_out.append(file)
    )
    assert left_out == [files[1]] and [one.best for one in found] == ["teacher", "apple"]


def test_what_a_detector_says_reaches_the_record(tiny: ClipModel, monkeypatch: pytest.MonkeyPatch) -> None:
    towards = tiny.encode_image([clip_models.opened(DOCS / "apple.png")])[0]
    monkeypatch.setattr(unlike, "load", lambda clip: unlike.Detector(towards, 0.9))
    found = classify.classify([tiny], [DOCS / "apple.png", DOCS / "teacher.png"], ["teacher", "apple"])
    assert [classify.record(one)["unlike"] for one in found] == [True, False]
    assert "cosines" in classify.record(found[0], matrix=True)
