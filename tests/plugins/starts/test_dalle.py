"""The starts dalle1 and dalle2: candidates, best first by the perceptor, as params of any generator."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pixgen import registry
from pixgen.contracts import Session, Start
from pixgen.errors import UsageError
from pixgen.networks.pair import load
from pixgen.plugins.starts.candidates import similarity
from pixgen.testing import scene
from tests.networks.toys import pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pair(tmp_path_factory.mktemp("pair"))


def session(folder: Path, prompt: str = "a cat", seed: int = 3, generator: str = "vqgan") -> Session:
    options = (
        {"type": "vqgan", "model": str(folder / "vqgan.safetensors")} if generator == "vqgan" else {"type": "pixel"}
    )
    made: Any = registry.create("generator", options)
    made.prepare(torch.device("cpu"))
    return scene([(seed, prompt)], losses={"tv": {}}, generator=made).session


def start(folder: Path, name: str, **options: Any) -> Start:
    made: Start = registry.create("start", {"type": name, "folder": str(folder), "candidates": 2, **options})
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dalle1", "dalle2"])
def test_attempts_are_the_candidates_best_first(name: str, folder: Path) -> None:
    drawing, first = session(folder), start(folder, name)
    latents = [first(drawing, 0, (128, 128), attempt)["latent"] for attempt in (0, 1)]
    assert latents[0].shape == (1, 8, 16, 16) and not torch.equal(*latents)
    # They are codes as they were drawn, not the codes of a picture of them.
    grids = torch.cat([load(folder).vqgan.quantize(latent)[1] for latent in latents])
    torch.testing.assert_close(load(folder).vqgan.codes(grids), torch.cat(latents))
    liked = similarity(load(folder), grids, drawing.prompts[0])
    assert liked[0] > liked[1]
    again = start(folder, name)(session(folder), 0, (128, 128), 0)["latent"]
    other = start(folder, name)(session(folder, seed=4), 0, (128, 128), 0)["latent"]
    assert torch.equal(again, latents[0]) and not torch.equal(other, latents[0])


@pytest.mark.slow
def test_another_size_and_another_generator_show_the_same_picture(folder: Path) -> None:
    grid = start(folder, "dalle1", temperature=0.0)(session(folder), 0, (128, 128), 0)["latent"]
    pixels = session(folder, generator="pixel")
    params = start(folder, "dalle1", temperature=0.0)(pixels, 0, (64, 96), 0)
    shown = pixels.generator.decode(params)
    assert shown.shape == (1, 3, 64, 96)
    drawing = session(folder)
    whole = torch.nn.functional.interpolate(drawing.generator.decode({"latent": grid}), size=(96, 96), mode="area")
    assert (shown - whole[:, :, 16:80]).abs().mean() < 0.03


@pytest.mark.slow
def test_several_prompts_are_one_caption_or_one_mixture(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "red").save(tmp_path / "red.png")
    picture = f"image:{tmp_path / 'red.png'}"
    prompts = ["a cat", "a cat | a dog", "a cat | a dog :-0.5", f"a cat | {picture}", picture]
    drawn = [start(folder, "dalle2", temperature=0.0)(session(folder, p), 0, (128, 128), 0)["latent"] for p in prompts]
    assert all(not torch.equal(drawn[i], drawn[j]) for i in range(len(drawn)) for j in range(i))
    said = [
        start(folder, "dalle1", temperature=0.0)(session(folder, p), 0, (128, 128), 0)["latent"]
        for p in ("a dog, a cat", "a cat :0.5 | a dog", "a cat | a dog", "a dog, a cat | oil :-1")
    ]
    assert torch.equal(said[0], said[1]) and torch.equal(said[0], said[3]) and not torch.equal(said[0], said[2])


@pytest.mark.slow
def test_a_look_is_said_after_the_prompts(folder: Path) -> None:
    drawn = [
        start(folder, "dalle1", temperature=0.0)(asked, 0, (128, 128), 0)["latent"]
        for asked in (replace(session(folder), phrases=["oil"]), session(folder, "a cat, oil"), session(folder))
    ]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dalle1", "dalle2"])
def test_a_thing_in_another_colour_is_drawn_beside_the_thing(name: str, folder: Path) -> None:
    def drawn(prompt: str, weight: float) -> torch.Tensor:
        return start(folder, name, temperature=0.0, colour_free_weight=weight)(
            session(folder, prompt), 0, (128, 128), 0
        )["latent"]

    assert not torch.equal(drawn("a red cat", 0.4), drawn("a red cat", 0.0))
    assert torch.equal(drawn("a cat", 0.4), drawn("a cat", 0.0))
    if name == "dalle1":
        # The words alone decide: nothing of the colour is left where all of the share is the plain caption's.
        pair, random = load(folder), torch.Generator()
        grids = pair.from_text(
            ["a red cat"], 2, temperature=0, second_texts=["a cat"], second_weight=1.0, generator=random
        )
        assert torch.equal(grids, pair.from_text(["a cat"], 2, temperature=0, generator=random))


@pytest.mark.parametrize(
    ("prompt", "warned"),
    [
        ("a cat and a dog", True),
        ("um gato ao lado de um cachorro", True),
        ("a cat | a dog", True),
        ("a cat | watercolor", False),
        ("an old teacher of art with a book in the forest", False),
        ("a cat | a cat and a dog :-1", False),
    ],
)
def test_several_things_are_warned_of_where_the_networks_were_taught_one(
    prompt: str, warned: bool, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start(folder, "dalle1").prepare(session(folder, "a cat and a dog"))
    assert not caplog.records  # another pair may have been taught otherwise
    registry.create("start", {"type": "dalle1"}).prepare(session(folder, prompt))
    assert [prompt in record.getMessage() for record in caplog.records] == [True] * warned


@pytest.mark.parametrize(
    ("name", "prompt", "options", "message"),
    [
        ("dalle1", "image:red.png", {}, "needs a text prompt of positive weight"),
        ("dalle1", "a cat :-1", {}, "needs a text prompt of positive weight"),
        ("dalle2", "a cat :-1", {}, "positive weight"),
        ("dalle1", "a cat", {"temperature": -1.0}, "temperature"),
        ("dalle2", "a cat", {"candidates": 0}, "candidates is 0"),
        ("dalle2", "a red cat", {"uncoloured": 1.5}, "colour_free_weight is 1.5"),
    ],
)
def test_what_cannot_be_is_named(name: str, prompt: str, options: Any, message: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=message):
        start(folder, name, **options)(session(folder, prompt), 0, (128, 128), 0)
