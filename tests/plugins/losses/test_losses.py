import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import spherical_distance
from pixgen.contracts import Frame, Loss, Session, View
from pixgen.errors import UsageError
from pixgen.prompts.grammar import Prompt, parse
from pixgen.testing import ToyGenerator, ToyPerceptor


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(path)
    return path


def session(*prompts: str | list[Prompt]) -> Session:
    return Session(
        device=torch.device("cpu"),
        generator=ToyGenerator(),
        perceptors={"toy": ToyPerceptor()},
        prompts=[parse(p) if isinstance(p, str) else p for p in prompts],
        streams=[Streams(b) for b in range(len(prompts))],
    )


def frame(pictures: int, cutouts: int = 5, dtype: torch.dtype = torch.float64, seed: int = 0) -> Frame:
    random = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.rand(shape, generator=random, dtype=dtype)  # noqa: E731
    embeddings = F.normalize(draw(pictures, cutouts, 32) - 0.5, dim=-1).requires_grad_()
    view = View("toy", draw(pictures, cutouts, 3, 16, 16), torch.eye(3).expand(pictures, cutouts, 3, 3), embeddings)
    params = {"grid": draw(pictures, 3, 4, 4).requires_grad_()}
    start = {"grid": torch.zeros(pictures, 3, 4, 4)}
    return Frame(0, 0.0, draw(pictures, 3, 16, 16).requires_grad_(), params, view=view, start=start)


@pytest.fixture(params=[name for name in registry.names("loss") if name != "codebook"])  # which needs a VQGAN
def loss(request: pytest.FixtureRequest, picture: Path) -> Loss:
    needed = {option.name for option in registry.options("loss", request.param) if option.name == "path"}
    file = picture
    if request.param == "head":
        file = picture.with_suffix(".safetensors")
        save_file({"weight": torch.linspace(-1, 1, 32)[None], "bias": torch.tensor([5.0])}, file)
    return registry.create("loss", {"type": request.param, **dict.fromkeys(needed, file)})


def test_every_loss_gives_one_value_a_picture_with_gradient_and_independent_of_the_batch(loss: Loss) -> None:
    prompts = ("a fox", "a dog | a cat:-0.5", "a red car on a hill")
    loss.prepare(session(*prompts))
    whole = frame(3)
    values = loss(whole)
    assert values.shape == (3,) and values.isfinite().all()
    read = {"images": whole.images, "params": whole.params["grid"], "cutouts": None, "embeddings": None}[loss.reads]
    read = whole.view.embeddings if read is None else read
    (grad,) = torch.autograd.grad(values.sum(), read)
    assert grad.isfinite().all() and (grad.flatten(1).abs().sum(1) > 0).all()
    for b in range(3):
        loss.prepare(session(prompts[b]))
        images, grid = whole.images[b : b + 1], whole.params["grid"][b : b + 1]
        seen = (getattr(whole.view, name)[b : b + 1] for name in ("cutouts", "matrices", "embeddings"))
        start = {"grid": whole.start["grid"][b : b + 1]}
        one = Frame(0, 0.0, images, {"grid": grid}, view=View("toy", *seen), start=start)
        torch.testing.assert_close(loss(one), values[b : b + 1])


def test_losses_on_cutouts_are_means_over_cutouts(loss: Loss) -> None:
    if loss.reads != "cutouts":
        pytest.skip("reads something else")
    loss.prepare(session("a fox"))
    whole = frame(1, cutouts=6)
    parts = []
    for views in (slice(0, 2), slice(2, 6)):
        view = View("toy", whole.view.cutouts[:, views], whole.view.matrices[:, views], whole.view.embeddings[:, views])
        parts.append(loss(Frame(0, 0.0, whole.images, whole.params, view=view)))
    torch.testing.assert_close(loss(whole), parts[0] * 2 / 6 + parts[1] * 4 / 6)


def oracle(embeddings: np.ndarray, targets: list[np.ndarray], prompts: list[Prompt]) -> float:
    total = 0.0
    for target, prompt in zip(targets, prompts, strict=True):
        for e in embeddings:
            distance = 2 * np.arcsin(np.linalg.norm(e - target) / 2) ** 2
            total += abs(prompt.weight) * math.copysign(distance, prompt.weight)
    return total / len(embeddings)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_clip_equals_its_definition(shift: float, picture: Path) -> None:
    clip = registry.create("loss", {"type": "clip", "shift": shift})
    prompts = [Prompt("a fox"), Prompt("snow", 0.5), Prompt("text", -0.3), Prompt(str(picture), 2.0, kind="image")]
    made = session(prompts)
    made.perceptors["toy"].image_target = lambda text: F.normalize(text + torch.ones(32), dim=-1)
    clip.prepare(made)
    seen = frame(1)
    targets = []
    for prompt in prompts[:3]:
        text = made.perceptors["toy"].encode_text([prompt.text])[0].numpy()
        gap = text + 1
        moved = text + shift * gap / np.linalg.norm(gap)
        targets.append(moved / np.linalg.norm(moved))
    pixels = torch.from_numpy(np.asarray(Image.open(picture).crop((5, 0, 25, 20)), dtype=np.float32) / 255)
    small = F.interpolate(pixels.movedim(-1, 0)[None], (16, 16), mode="bicubic", antialias=True).clamp(0, 1)
    targets.append(made.perceptors["toy"].encode_image(small)[0].numpy())
    expected = oracle(seen.view.embeddings[0].detach().numpy(), targets, prompts)
    assert clip(seen).item() == pytest.approx(expected, rel=1e-5)


def test_below_its_stop_a_prompt_counts_but_pulls_no_more() -> None:
    seen, values, grads = frame(1), [], []
    for stop in (-math.inf, 0.0, 100.0):
        clip = registry.create("loss", {"type": "clip"})
        clip.prepare(session([Prompt("a fox", 1.0, stop)]))
        values.append(clip(seen).item())
        (grad,) = torch.autograd.grad(clip(seen).sum(), seen.view.embeddings)
        grads.append(grad)
    assert values[0] == pytest.approx(values[1]) == pytest.approx(values[2])
    assert torch.equal(grads[0], grads[1]) and grads[0].abs().sum() > 0
    assert grads[2].abs().sum() == 0


def test_a_negative_prompt_pushes_away() -> None:
    seen = frame(1)
    grads = []
    for weight in (1.0, -1.0):
        clip = registry.create("loss", {"type": "clip"})
        clip.prepare(session([Prompt("a fox", weight)]))
        grads.append(torch.autograd.grad(clip(seen).sum(), seen.view.embeddings)[0])
    torch.testing.assert_close(grads[0], -grads[1])


def test_spherical_distance_is_half_the_squared_angle_with_finite_slopes_everywhere() -> None:
    angles = torch.tensor([0.0, 0.1, 1.0, math.pi / 2, 3.0, math.pi], dtype=torch.float64)
    a = torch.stack([angles.cos(), angles.sin()], dim=-1).requires_grad_()
    distances = spherical_distance(a, torch.tensor([1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(distances, angles.square() / 2, rtol=1e-2, atol=1e-9)
    torch.testing.assert_close(distances[:-1], angles[:-1].square() / 2)
    assert torch.autograd.grad(distances.sum(), a)[0].isfinite().all()


def test_mean_distance_of_one_cutout_is_clip() -> None:
    made, seen = session("a fox"), frame(1, cutouts=1)
    values = []
    for name in ("clip", "clip_mean"):
        one = registry.create("loss", {"type": name})
        one.prepare(made)
        values.append(one(seen))
    torch.testing.assert_close(*values)


def test_total_variation_of_a_ramp() -> None:
    ramp = torch.arange(8.0).expand(1, 3, 8, 8) / 8
    tv = registry.create("loss", {"type": "tv"})
    torch.testing.assert_close(tv(Frame(0, 0.0, ramp, {})), torch.tensor([1 / 64]))


@pytest.mark.parametrize("distance", ["mse", "l1"])
def test_distance_to_the_picture_itself_is_zero(distance: str, picture: Path) -> None:
    loss = registry.create("loss", {"type": "image", "path": picture, "distance": distance})
    loss.prepare(session("a fox"))
    pixels = torch.from_numpy(np.asarray(Image.open(picture), dtype=np.float32) / 255).movedim(-1, 0)[None]
    assert loss(Frame(0, 0.0, pixels, {})).item() < 1e-6
    assert loss(Frame(0, 0.0, 1 - pixels, {})).item() > 0.1


def test_a_missing_picture_is_named() -> None:
    loss = registry.create("loss", {"type": "image", "path": "nowhere.png"})
    with pytest.raises(UsageError, match=r"nowhere\.png"):
        loss.prepare(session("a fox"))
