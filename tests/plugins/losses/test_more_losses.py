"""Smoothness, borders, colours, and the other targets of embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import gaussian_blur
from pixgen.contracts import Frame, Loss, Session, View
from pixgen.errors import PixgenError, UsageError
from pixgen.io import pictures
from pixgen.prompts.grammar import parse
from pixgen.testing import ToyGenerator, ToyPerceptor


def loss_of(name: str, **options: object) -> Loss:
    made: Loss = registry.create("loss", {"type": name, **options})
    return made


def on_image(loss: Loss, image: torch.Tensor) -> float:
    return float(loss(Frame(0, 0.0, image, {}))[0])


def session(*prompts: str) -> Session:
    return Session(
        torch.device("cpu"), ToyGenerator(), {"toy": ToyPerceptor()}, [parse(p) for p in prompts], [Streams(0)]
    )


def on_embeddings(loss: Loss, embeddings: torch.Tensor) -> torch.Tensor:
    view = View("toy", None, torch.eye(3).expand(*embeddings.shape[:2], 3, 3), embeddings)
    return loss(Frame(0, 0.0, torch.zeros(len(embeddings), 3, 8, 8), {}, view=view))


def text(*words: str) -> torch.Tensor:
    return ToyPerceptor().encode_text(list(words))


# -- smoothness ------------------------------------------------------------------------------------------------------


def step_edge(height: float) -> torch.Tensor:
    image = torch.zeros(1, 3, 8, 8)
    image[..., 4:] = height
    return image


def test_smoothness_is_the_mean_length_of_the_gradient() -> None:
    # One of seven columns has a step of 0.5 in all three colours.
    assert on_image(loss_of("smoothness"), step_edge(0.5)) == pytest.approx(0.75**0.5 / 7, abs=1e-4)


def test_clipped_and_log_are_easier_on_steep_edges() -> None:
    for kind, options in {"clipped": {"clip": 0.2}, "log": {}}.items():
        loss = loss_of("smoothness", kind=kind, **options)
        assert on_image(loss, step_edge(1)) < 4 * on_image(loss, step_edge(0.25))
    clipped = loss_of("smoothness", kind="clipped", clip=0.2)
    assert on_image(clipped, step_edge(1)) == pytest.approx(on_image(clipped, step_edge(0.5)))


def test_a_blur_before_leaves_the_mean_and_takes_the_noise() -> None:
    noise = torch.rand(2, 3, 20, 14, dtype=torch.float64)
    soft = gaussian_blur(noise, 2)
    torch.testing.assert_close(soft.mean((2, 3)), noise.mean((2, 3)), atol=0.02, rtol=0)
    assert soft.std() < 0.4 * noise.std()
    torch.testing.assert_close(gaussian_blur(torch.full((1, 3, 5, 5), 0.3), 9), torch.full((1, 3, 5, 5), 0.3))


# -- borders ---------------------------------------------------------------------------------------------------------


def test_a_frame_is_measured_and_nothing_inside_it() -> None:
    loss = loss_of("frame", colour="#000000", thickness=0.25)
    image = torch.zeros(1, 3, 8, 8)
    image[..., 2:6, 2:6] = 1
    assert on_image(loss, image) == 0 and on_image(loss, 1 - image) == 1
    left = loss_of("frame", colour="#000000", left=0.5, right=0, top=0, bottom=0)
    assert on_image(left, image) == pytest.approx(8 / 32)
    assert on_image(loss_of("frame", colour="#000000", thickness=0.25, everywhere=2), image) == pytest.approx(0.5)


def test_a_fade_weighs_the_corners_most() -> None:
    loss = loss_of("fade", colour="#ffffff")
    middle, corner = torch.ones(1, 3, 33, 33), torch.ones(1, 3, 33, 33)
    middle[..., 16, 16], corner[..., 0, 0] = 0, 0
    assert on_image(loss, middle) < 0.01 * on_image(loss, corner) and on_image(loss, torch.ones(1, 3, 9, 9)) == 0


# -- colours ---------------------------------------------------------------------------------------------------------


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    grey, red = torch.full((1, 3, 4, 4), 0.4), torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    loss = loss_of("colourfulness")
    assert on_image(loss, grey) == pytest.approx(0, abs=1e-3)
    assert on_image(loss, red) == pytest.approx(-0.3 * (1 + 0.25) ** 0.5, abs=1e-3)  # rg 1, yb 0.5, no spread
    half = torch.cat([red[..., :2], grey[..., :2]], dim=3)
    assert on_image(loss, half) == pytest.approx(-((0.25 + 0.0625) ** 0.5 + 0.3 * (0.25 + 0.0625) ** 0.5), abs=1e-3)


def test_a_histogram_does_not_ask_where_colours_lie(tmp_path: Path) -> None:
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    pictures.to_image(image.repeat_interleave(8, 2).repeat_interleave(8, 3)).save(tmp_path / "p.png")
    loss = loss_of("histogram", path=tmp_path / "p.png")
    loss.prepare(session("a fox"))
    same, shuffled = on_image(loss, image), on_image(loss, image.flatten(2)[..., torch.randperm(256)].view_as(image))
    assert same < 2e-3 and shuffled == pytest.approx(same, abs=1e-5)
    assert on_image(loss, image * 0.5) > 20 * max(same, 1e-4)


# -- targets ---------------------------------------------------------------------------------------------------------


def test_infonce_is_the_cross_entropy_against_the_negatives() -> None:
    loss = loss_of("infonce", negatives=["a dog", "a cat"], temperature=0.1)
    loss.prepare(session("a fox"))
    fox, dog = text("a fox"), text("a dog")
    cosines = torch.cat([fox, dog, text("a cat")]) @ fox[0]
    expected = -(cosines / 0.1).log_softmax(0)[0]
    torch.testing.assert_close(on_embeddings(loss, fox[None]), expected[None])
    assert on_embeddings(loss, dog[None]) > 3 * expected


def test_directional_asks_for_the_way_of_the_words() -> None:
    loss = loss_of("directional", source="a dog")
    loss.prepare(session("a fox"))
    start = F.normalize(torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(0)), dim=2)
    way = F.normalize(text("a fox") - text("a dog"), dim=1)
    assert on_embeddings(loss, start).item() == pytest.approx(1, abs=0.35)  # it has gone nowhere yet
    assert on_embeddings(loss, start + 0.5 * way).item() == pytest.approx(0, abs=0.01)
    assert on_embeddings(loss, start - 0.5 * way).item() == pytest.approx(2, abs=0.01)


def test_written_words_tell_a_picture_with_words_from_the_same_without() -> None:
    from pixgen.networks.pair import load_perceptor
    from pixgen.plugins.losses.targets import _written

    tiny = registry.create("perceptor", {"type": "tiny"})
    assert load_perceptor() is not None
    tiny.prepare(torch.device("cpu"))
    loss = loss_of("written_words")
    loss.prepare(Session(torch.device("cpu"), ToyGenerator(), {"toy": tiny}, [parse("a fox")], [Streams(0)]))
    with torch.no_grad():
        pair = [
            tiny.encode_image(torch.stack([_written(word, 7, tiny.input_size, ink) for word in ("apple", "house")]))
            for ink in (True, False)
        ]
    with_words, without = (float(on_embeddings(loss, each[None])[0]) for each in pair)
    assert with_words > without + 0.1


def test_a_random_target_is_a_point_by_its_seed() -> None:
    embeddings = F.normalize(torch.randn(1, 3, 32), dim=2)
    first, again = (on_embeddings(loss_of("random_target", seed=4), embeddings) for _ in range(2))
    assert torch.equal(first, again) and not torch.equal(first, on_embeddings(loss_of("random_target"), embeddings))


def test_a_head_scores_embeddings(tmp_path: Path) -> None:
    weight = torch.randn(1, 32, generator=torch.Generator().manual_seed(0))
    save_file({"weight": weight, "bias": torch.tensor([4.0])}, tmp_path / "head.safetensors")
    loss = loss_of("head", path=tmp_path / "head.safetensors", target=7)
    loss.prepare(session("a fox"))
    embeddings = F.normalize(torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(1)), dim=2)
    expected = (embeddings @ weight[0] + 4 - 7).square().mean(1)
    torch.testing.assert_close(on_embeddings(loss, embeddings), expected)


def test_a_head_that_fits_nothing_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1, 5)}, tmp_path / "short.safetensors")
    with pytest.raises(UsageError, match="5 numbers.*toy 32"):
        loss_of("head", path=tmp_path / "short.safetensors").prepare(session("a fox"))
    save_file({"weight": torch.zeros(3, 32)}, tmp_path / "wide.safetensors")
    with pytest.raises(PixgenError, match="not a linear head"):
        loss_of("head", path=tmp_path / "wide.safetensors").prepare(session("a fox"))


@pytest.mark.parametrize("kind", ["infonce", "directional"])
def test_what_needs_words_says_so(kind: str) -> None:
    with pytest.raises(UsageError, match="a prompt in words"):
        loss_of(kind).prepare(session("a fox:-1"))
