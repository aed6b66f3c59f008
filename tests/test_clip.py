"""`from pixgen import clip` in the place of OpenAI's package: the calls of its README and of a course's notebook."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from pixgen import clip, resources
from pixgen.errors import PixgenError, UsageError
from pixgen.models import zoo
from tests.models import small

weights = pytest.mark.skipif(
    not list(resources.embedded().glob("*.safetensors")), reason="the models are not in this checkout"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pictures, and nothing of the user's."""
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oxcats").mkdir()
    random = np.random.default_rng(0)
    for name in ("CLIP.png", "oxcats/Maine_Coon_1.jpg", "oxcats/Maine_Coon_2.jpg"):
        Image.fromarray(random.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def random_weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights of a small network stand for every one of OpenAI's."""
    path = small.weights(folder)
    monkeypatch.setattr(clip, "_find", lambda name, root: ({"name": small.NAME, "quick_gelu": True}, path))
    return path


NOTEBOOK = """
import torch
import clip
from PIL import Image
import numpy as np
import os

device = "cuda" if torch.cuda.is_available() else "cpu"
model, preprocess = clip.load("{name}", device=device)

image = preprocess(Image.open("oxcats/Maine_Coon_1.jpg")).unsqueeze(0).to(device)
text = clip.tokenize(["a penguin", "a bear", "a cat"]).to(device)
with torch.no_grad():
    image_features = model.encode_image(image)
    text_features = model.encode_text(text)
    logits_per_image, logits_per_text = model(image, text)
    probs = logits_per_image.softmax(dim=-1).cpu().numpy()

cats_img = [Image.open(os.path.join("oxcats", x)) for x in os.listdir("oxcats")]
cats = torch.cat([preprocess(i).unsqueeze(0) for i in cats_img]).to(device)
fat = clip.tokenize(["a very fat gray cat"]).to(device)
with torch.no_grad():
    per_image, per_text = model(cats, fat)
    res = per_text.softmax(dim=-1).argmax().cpu().numpy()
shown = cats_img[res]
"""
"""The calls of microsoft/AI-For-Beginners' Clip.ipynb, and with them those of OpenAI's README."""


def run(source: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setitem(sys.modules, "clip", clip)
    names: dict[str, Any] = {}
    exec(source, names)
    return names


def require_sense(names: dict[str, Any]) -> None:
    assert names["probs"].shape == (1, 3) and abs(names["probs"].sum() - 1) < 1e-5
    assert names["logits_per_text"].shape == (3, 1) and names["per_text"].shape == (1, 2)
    assert names["shown"] in names["cats_img"]
    images, texts = names["image_features"], names["text_features"]
    cosine = torch.nn.functional.cosine_similarity(images, texts)
    scale = names["model"].logit_scale.exp()
    torch.testing.assert_close(names["logits_per_image"][0], scale * cosine, rtol=1e-4, atol=1e-4)


def test_the_calls_of_the_notebook_with_random_weights(random_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_sense(run(NOTEBOOK.format(name="ViT-B/32"), monkeypatch))


@weights
def test_the_calls_of_the_notebook_with_the_embedded_perceptor(monkeypatch: pytest.MonkeyPatch) -> None:
    from pixgen import registry

    names = run(NOTEBOOK.format(name="pixgen-tiny"), monkeypatch)
    require_sense(names)
    tiny = registry.create("perceptor", {"type": "tiny"})
    tiny.prepare(torch.device("cpu"))
    expected = tiny.encode_text(["a penguin", "a bear", "a cat"])
    torch.testing.assert_close(names["text_features"], expected)


def test_zero_shot_as_the_readme_does_it(random_weights: Path) -> None:
    model, preprocess = clip.load("ViT-B/32", "cpu")
    image = preprocess(Image.open("CLIP.png").convert("L")).unsqueeze(0)
    texts = torch.cat([clip.tokenize(f"a photo of a {c}") for c in ("snake", "turtle", "pepper")])
    with torch.no_grad():
        image_features, text_features = model.encode_image(image), model.encode_text(texts)
    image_features /= image_features.norm(dim=-1, keepdim=True)
    text_features /= text_features.norm(dim=-1, keepdim=True)
    values, indices = (100.0 * image_features @ text_features.T).softmax(dim=-1)[0].topk(2)
    assert values.shape == indices.shape == (2,)
    assert model.visual.input_resolution == 32 and model.context_length == 77 and model.dtype == torch.float32


def test_pictures_are_made_as_openai_makes_them(random_weights: Path) -> None:
    _, preprocess = clip.load("ViT-B/32", "cpu")
    found = preprocess(Image.new("RGB", (60, 40), (255, 0, 128)))
    assert found.shape == (3, 32, 32) and found.dtype == torch.float32
    expected = [(1 - 0.48145466) / 0.26862954, -0.4578275 / 0.26130258, (128 / 255 - 0.40821073) / 0.27577711]
    torch.testing.assert_close(found[:, 5, 7], torch.tensor(expected))


def test_tokens_are_openai_s() -> None:
    # Start, end and the pieces of a word, as OpenAI's vocabulary numbers them.
    assert clip.tokenize("hello world!")[0, :6].tolist() == [49406, 3306, 1002, 256, 49407, 0]
    assert clip.tokenize(["a", "b"]).shape == (2, 77) and clip.tokenize("a", context_length=8).shape == (1, 8)
    with pytest.raises(RuntimeError, match="is too long for context length 77"):
        clip.tokenize("cat " * 80)
    assert clip.tokenize("cat " * 80, truncate=True)[0, -1] == 49407
    clip.tokenize("cat " * 75)


def test_openai_s_names_are_available_and_absent_ones_say_how_they_come(folder: Path) -> None:
    assert clip.available_models()[: len(clip.OPENAI)] == list(clip.OPENAI)
    assert all(zoo.get(name, "clip") for name in clip.available_models() if name != "pixgen-tiny")
    with pytest.raises(UsageError, match=r"`pixgen models pull ViT-B-32-openai` fetches 354 MB"):
        clip.load("ViT-B/32")
    with pytest.raises(UsageError, match=r"Model ViT-B/64 not found; available models = \['RN50'"):
        clip.load("ViT-B/64")


def test_files_that_openai_s_package_left_are_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = zoo.get("ViT-B/32")
    for place in (".cache/clip", "elsewhere"):
        path = folder / place / entry.files[0].name
        path.parent.mkdir(parents=True)
        with open(path, "wb") as file:
            os.truncate(file.fileno(), entry.files[0].bytes)  # type: ignore[arg-type]
        root = None if place.startswith(".") else str(folder / place)
        assert clip._find("ViT-B/32", root) == (entry.architecture, path)


def test_a_checkpoint_of_openai_s_kind_loads_by_its_path(folder: Path) -> None:
    tensors = load_file(small.weights(folder))
    wide = {**small.CONFIG, "vision_cfg": {**small.CONFIG["vision_cfg"], "head_width": 64}}  # type: ignore[dict-item]
    wide["text_cfg"] = {**small.CONFIG["text_cfg"], "width": 64, "heads": 1}  # type: ignore[dict-item]
    made = small.network_of("pixgen-openai", wide, folder, quick_gelu=True)
    torch.save(made.state_dict(), folder / "ViT.pt")
    model, preprocess = clip.load(str(folder / "ViT.pt"), device="cpu")
    image = preprocess(Image.open("CLIP.png"))[None]
    torch.testing.assert_close(model.encode_image(image), made.encode_image(image), rtol=0.01, atol=0.01)
    torch.save({"encoder.weight": tensors["logit_scale"]}, folder / "other.pt")
    with pytest.raises(PixgenError, match=r"other\.pt is no CLIP of OpenAI's"):
        clip.load(str(folder / "other.pt"))
