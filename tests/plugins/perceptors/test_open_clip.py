"""CLIPs built by open_clip: their features, their activations, several at once, half precision, memory given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.errors import PixgenError, UsageError
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import build
from pixgen.models import clips
from pixgen.plugins.perceptors.open_clip import OpenCLIP
from pixgen.settings.config import resolve, resolve_auto
from tests.models import small

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.weights(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def clip(weights: Path) -> OpenCLIP:
    made: OpenCLIP = registry.create("perceptor", {"type": "open_clip", "model": "pixgen-small/mine", "path": weights})
    made.prepare(CPU)
    return made


def expected(network: Any, images: torch.Tensor, side: int = 32) -> torch.Tensor:
    mean, std = torch.tensor(clips._MEAN)[:, None, None], torch.tensor(clips._STD)[:, None, None]
    return F.normalize(network.encode_image((images - mean) / std), dim=-1)


def test_features_are_those_of_open_clip(clip: OpenCLIP) -> None:
    network, images = small.network(), torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(clip.encode_image(images), expected(network, images))
    texts = ["a fox", "fox " * 75, ""]  # the second fills the context
    found = clip.encode_text(texts)
    torch.testing.assert_close(found, F.normalize(network.encode_text(clips.open_clip().tokenize(texts)), dim=-1))
    assert clip.input_size == 32 and clip.dim == 16


def test_a_text_behind_the_context_is_read_in_pieces(clip: OpenCLIP) -> None:
    long = "a fox " * 40 + "in the snow"
    assert clip.pieces("fox " * 75) == ["fox " * 75] and len(clip.pieces("fox " * 76)) == 2
    pieces = clip.pieces(long)
    assert " ".join(pieces) == long and len(pieces) == 2
    each = clip.encode_text(pieces) * torch.tensor([[float(len(piece.split()))] for piece in pieces])
    torch.testing.assert_close(clip.encode_text(["a fox", long])[1], F.normalize(each.sum(0), dim=-1))


@pytest.mark.parametrize("quick", [False, True])
def test_the_activation_is_the_one_that_is_said(quick: bool, weights: Path) -> None:
    built = clips.build({"name": small.NAME, "quick_gelu": quick}, weights)
    kinds = {type(module).__name__ for module in built.model.modules() if type(module).__name__.endswith("GELU")}
    assert kinds == ({"QuickGELU"} if quick else {"GELU"})
    images = torch.rand(2, 3, 32, 32)
    right, wrong = (small.network(activation).encode_image(images) for activation in (quick, not quick))
    found = built.model.encode_image(images)
    torch.testing.assert_close(found, right)
    assert (found - wrong).abs().max() > 1e-4  # loads just as well, scores otherwise


def test_openai_s_names_and_half_precision_fit_both_kinds_of_network(weights: Path, tmp_path: Path) -> None:
    tensors: dict[str, torch.Tensor] = {name: value.half() for name, value in load_file(weights).items()}
    tensors |= {name: torch.tensor(77) for name in ("input_resolution", "context_length", "vocab_size")}
    save_file(tensors, tmp_path / "openai.safetensors")
    (tmp_path / "pixgen-custom.json").write_text(json.dumps({**small.CONFIG, "custom_text": True}))
    clips.open_clip().add_model_config(tmp_path / "pixgen-custom.json")
    for name in (small.NAME, "pixgen-custom"):
        model = clips.build({"name": name}, tmp_path / "openai.safetensors").model
        assert all(value.dtype == torch.float32 for value in model.parameters())
        tokens = clips.open_clip().tokenize(["a fox"])
        torch.testing.assert_close(model.encode_text(tokens), small.network().encode_text(tokens), rtol=0.02, atol=0.02)


def test_a_torchscript_archive_of_openai_s_kind_loads(weights: Path, tmp_path: Path) -> None:
    class Archive(nn.Module):
        """Holds the weights under the names of OpenAI's archives."""

        def __init__(self) -> None:
            super().__init__()
            self.input_resolution = nn.Buffer(torch.tensor(32))
            for name, value in load_file(weights).items():
                *path, last = name.split(".")
                module: nn.Module = self
                for part in path:
                    if not hasattr(module, part):
                        module.add_module(part, nn.Module())
                    module = getattr(module, part)
                module.register_parameter(last, nn.Parameter(value.half(), requires_grad=False))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.trace(Archive(), torch.zeros(1)), tmp_path / "ViT.pt")
    images = torch.rand(2, 3, 32, 32)
    found = clips.build({"name": small.NAME}, tmp_path / "ViT.pt").model.encode_image(images)
    torch.testing.assert_close(found, small.network().encode_image(images), rtol=0.02, atol=0.02)


def test_weights_of_another_size_are_named(weights: Path) -> None:
    with pytest.raises(PixgenError, match=r"small\.safetensors does not fit its architecture: .*visual\.proj"):
        clips.build({"name": "ViT-B-32"}, weights)
    with pytest.raises(UsageError, match="no architecture 'ViT-Z'"):
        clips.build({"name": "ViT-Z"}, weights)


def test_a_file_in_the_place_of_a_name_says_where_it_belongs(weights: Path) -> None:
    made = registry.create("perceptor", {"type": "open_clip", "model": str(weights)})
    with pytest.raises(UsageError, match=r"path=.*small\.safetensors"):
        made.prepare(CPU)


def test_half_precision_casts_the_tower_once_and_stays_near(clip: OpenCLIP) -> None:
    images = torch.rand(2, 3, 32, 32)
    whole = clip.encode_image(images)
    with torch.autocast("cpu", torch.bfloat16):
        half = clip.encode_image(images.requires_grad_())
        tower = clip._network.model.visual
        assert {value.dtype for value in tower.parameters()} == {torch.bfloat16}
        pointers = [value.data_ptr() for value in tower.parameters()]
        clip.encode_image(images)
    assert [value.data_ptr() for value in tower.parameters()] == pointers
    assert half.dtype == torch.float32 and (half * whole).sum(1).min() > 0.999
    (grad,) = torch.autograd.grad(half.sum(), images)
    assert grad.dtype == torch.float32 and grad.abs().sum() > 0
    assert torch.equal(clip.encode_image(images.detach()), whole)  # nothing is left of the rounding


def test_the_text_tower_goes_and_a_late_text_still_counts(clip: OpenCLIP) -> None:
    before = clip.encode_text(["a fox"])
    whole = sum(value.numel() for value in clip._network.model.parameters())
    clip.release_text()
    left = sum(value.numel() for value in clip._network.model.parameters())
    assert left == sum(value.numel() for value in clip._network.model.visual.parameters()) + 1 < whole / 2
    torch.testing.assert_close(clip.encode_text(["a fox"]), before)
    assert sum(value.numel() for value in clip._network.model.parameters()) == left
    assert clip.encode_image(torch.rand(1, 3, 32, 32)).shape == (1, 16)


def test_recomputed_activations_give_the_same_gradient(clip: OpenCLIP, weights: Path) -> None:
    options = {"type": "open_clip", "model": "pixgen-small/mine", "path": weights, "checkpointing": True}
    saving = registry.create("perceptor", options)
    saving.prepare(CPU)
    assert saving._network.model.visual.transformer.grad_checkpointing
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    (whole,) = torch.autograd.grad(clip.encode_image(images)[0, 0], images)
    (again,) = torch.autograd.grad(saving.encode_image(images)[0, 0], images)
    torch.testing.assert_close(again, whole)


def test_several_perceptors_each_with_its_weight_and_cutout_size(weights: Path) -> None:
    said = {
        "prompt": "a fox",
        "seed": 0,
        "size": "32x32",
        "steps": 2,
        "starts": 1,
        "device": "cpu",
        "generator": "toy",
        "stages": [{"steps": 1, "size": 1}],
        "perceptors": {
            "tiny": None,
            "small": {
                "type": "open_clip",
                "model": "pixgen-small/mine",
                "path": str(weights),
                "weight": 3,
                "cutouts": 3,
            },
            "toy": {"type": "toy", "cutouts": 5},
        },
    }
    engine = build(resolve_auto(resolve([Layer(said, "a test")])))
    assert engine.session.perceptor_weights == {"small": 0.75, "toy": 0.25}
    seen: dict[str, list[tuple[int, ...]]] = {"small": [], "toy": []}
    for name, perceptor in engine.session.perceptors.items():
        encode = perceptor.encode_image

        def spy(images: torch.Tensor, encode: Any = encode, name: str = name) -> torch.Tensor:
            seen[name].append(tuple(images.shape))
            result: torch.Tensor = encode(images)
            return result

        perceptor.encode_image = spy  # type: ignore[method-assign]
    steps = list(engine)
    assert seen == {"small": [(3, 3, 32, 32)] * 2, "toy": [(5, 3, 16, 16)] * 2}
    assert len(steps) == 2 and steps[-1].total.isfinite().all()
    assert engine.session.perceptors["small"]._network.model.transformer is None  # type: ignore[attr-defined]


def test_a_tokenizer_file_is_read_without_transformers(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"<pad>": 0, "[UNK]": 1, "a": 2, "fox": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    tokens = clips.tokenizer({"name": "ViT-B-32-SigLIP2-256"}, tmp_path / "tokenizer.json")
    assert clips.fits(tokens, "a fox") and not clips.fits(tokens, "a " * 100)
    found = tokens(["A fox!", "a " * 100])
    assert found.shape == (2, 64) and found[0].tolist() == [2, 3, *[0] * 62]  # canonicalised: lower case, no marks
    with pytest.raises(UsageError, match=r"needs its tokenizer\.json"):
        clips.tokenizer({"name": "ViT-B-32-SigLIP2-256"}, None)
