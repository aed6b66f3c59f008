"""`from pixgen import clip` in the place of OpenAI's package: the calls of its README and of a course's notebook."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from pixgen import clip
from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
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


README = """
import torch
import clip
from PIL import Image

device = "cuda" if torch.cuda.is_available() else "cpu"
model, preprocess = clip.load("ViT-B/32", device=device)

image = preprocess(Image.open("CLIP.png")).unsqueeze(0).to(device)
text = clip.tokenize(["a sketch", "a horse", "a fox"]).to(device)

with torch.no_grad():
    logits_per_image, logits_per_text = model(image, text)
    probs = logits_per_image.softmax(dim=-1).cpu().numpy()

print("Label probs:", probs)
"""
"""Every call of the example in OpenAI CLIP's README, in its order, with words of our own."""

NOTEBOOK = [
    """
import torch
import clip
from PIL import Image
import matplotlib.pyplot as plt
import numpy as np
import os
np.set_printoptions(precision=2, suppress=True)

device = "cuda" if torch.cuda.is_available() else "cpu"
model, preprocess = clip.load("ViT-B/32", device=device)
""",
    """
image = preprocess(Image.open("oxcats/Maine_Coon_1.jpg")).unsqueeze(0).to(device)
text = clip.tokenize(["a fish", "a horse", "a fox"]).to(device)

with torch.no_grad():
    image_features = model.encode_image(image)
    text_features = model.encode_text(text)

    logits_per_image, logits_per_text = model(image, text)
    probs = logits_per_image.softmax(dim=-1).cpu().numpy()

print("Label probs:", probs)
""",
    """
cats_img = [Image.open(os.path.join("oxcats", x)) for x in os.listdir("oxcats")]
cats = torch.cat([preprocess(i).unsqueeze(0) for i in cats_img]).to(device)
text = clip.tokenize(["a thin black cat"]).to(device)
with torch.no_grad():
    logits_per_image, logits_per_text = model(cats, text)
    res = logits_per_text.softmax(dim=-1).argmax().cpu().numpy()

print("Img Index:", res)

plt.imshow(cats_img[res])
""",
]
"""Every call of the cells of microsoft/AI-For-Beginners' Clip.ipynb, in their order, with words of our own."""

NAMES = ["ViT-B/32", pytest.param("pixgen-tiny", marks=weights)]


def run(cells: list[str], name: str) -> list[dict[str, Any]]:
    """Run a program as it stands but for its import of clip and its model; the names after each of its cells."""
    names: dict[str, Any] = {}
    after = []
    for cell in cells:
        exec(cell.replace("import clip", "from pixgen import clip").replace("ViT-B/32", name), names)
        after.append(dict(names))
    return after


def require_probabilities(names: dict[str, Any]) -> None:
    images, texts = (names["model"].encode_image(names["image"]), names["model"].encode_text(names["text"]))
    cosines = torch.nn.functional.cosine_similarity(images, texts)
    expected = names["model"].logit_scale.exp() * cosines
    torch.testing.assert_close(names["logits_per_image"], expected[None], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(names["logits_per_text"], expected[:, None], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(names["probs"], expected[None].softmax(-1).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_openai_s_readme(name: str, random_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (names,) = run([README], name)
    require_probabilities(names)
    assert capsys.readouterr().out.startswith("Label probs: [[")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_cells_of_the_notebook(
    name: str, random_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", "agg")
    _, names, last = run(NOTEBOOK, name)
    require_probabilities(names)
    with torch.no_grad():
        torch.testing.assert_close(names["image_features"], names["model"].encode_image(names["image"]))
        torch.testing.assert_close(names["text_features"], names["model"].encode_text(names["text"]))
    assert last["logits_per_text"].shape == (1, 2)
    assert int(last["res"]) == int(last["logits_per_text"].argmax())
    assert f"Img Index: {last['res']}" in capsys.readouterr().out


@weights
def test_openai_s_tokens_reach_the_embedded_perceptor_as_words() -> None:
    from pixgen import registry

    model, _ = clip.load("pixgen-tiny", device="cpu")
    tiny = registry.create("perceptor", {"type": "tiny"})
    tiny.prepare(torch.device("cpu"))
    words = ["a fish", "two red birds on a green tree"]
    torch.testing.assert_close(model.encode_text(clip.tokenize(words)), tiny.encode_text(words))


def test_signatures_are_openai_s() -> None:
    load = inspect.signature(clip.load).parameters
    assert list(load) == ["name", "device", "jit", "download_root"]
    assert load["jit"].default is False and load["download_root"].default is None
    tokenize = inspect.signature(clip.tokenize).parameters
    assert {name: each.default for name, each in tokenize.items() if name != "texts"} == {
        "context_length": 77,
        "truncate": False,
    }
    assert next(iter(tokenize)) == "texts" and not inspect.signature(clip.available_models).parameters


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


@pytest.mark.slow
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
    with pytest.raises(PixgenError, match=r"other\.pt is not a CLIP of OpenAI's"):
        clip.load(str(folder / "other.pt"))
