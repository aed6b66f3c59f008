import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.contracts import Perceptor
from pixgen.errors import PixgenError
from pixgen.networks.clip import TinyCLIP, TinyConfig
from tests.models import small

WORDS = ["[PAD]", "[UNK]", "a", "fox", "house", "raposa"]
SMALL = TinyConfig(
    side=16, dim=12, stem=4, widths=(4, 6, 8), residuals=1, text_width=8, text_depth=1, heads=2, vocabulary=6, context=5
)


@pytest.fixture(scope="module")
def small_tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of the tiny perceptor's kind, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        clip = TinyCLIP(SMALL)
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    about = {"architecture": vars(SMALL), "words": WORDS[2:], "tokenizer": json.loads(tokenizer.to_str())}
    weights = {name: value.half() for name, value in clip.state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(weights | {"gap": torch.linspace(-1, 1, SMALL.dim)}, path, metadata={"pixgen": json.dumps(about)})
    return path


@pytest.fixture(params=registry.names("perceptor"))
def perceptor(request: pytest.FixtureRequest, small_tiny: Path, tmp_path: Path) -> Perceptor:
    options: dict[str, str] = {"path": str(small_tiny)} if request.param == "tiny" else {}
    if request.param == "open_clip":
        options = {"model": "pixgen-small/mine", "path": str(small.weights(tmp_path))}
    made = registry.create("perceptor", {"type": request.param, **options})
    made.prepare(torch.device("cpu"))
    return made


def pictures(perceptor: Perceptor, count: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, perceptor.input_size, perceptor.input_size, generator=random)


def require_units(embeddings: torch.Tensor, count: int, perceptor: Perceptor) -> None:
    assert embeddings.shape == (count, perceptor.dim) and embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(count))


def test_images_become_unit_vectors_each_on_its_own(perceptor: Perceptor) -> None:
    images = pictures(perceptor, 3)
    before = torch.get_rng_state()
    together = perceptor.encode_image(images)
    assert torch.equal(torch.get_rng_state(), before)
    require_units(together, 3, perceptor)
    alone = torch.cat([perceptor.encode_image(images[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_every_image_has_a_gradient_and_only_its_own(perceptor: Perceptor) -> None:
    images = pictures(perceptor, 2).requires_grad_()
    (grad,) = torch.autograd.grad(perceptor.encode_image(images)[0, 0], images)
    assert grad.isfinite().all() and grad[0].abs().sum() > 0
    assert grad[1].abs().sum() == 0


def test_texts_become_unit_vectors_whatever_is_written(perceptor: Perceptor) -> None:
    texts = ["a fox", "a house", "", " ", "qwrtz", "a fox " * 40, "ação 🦊 \x00"]
    embeddings = perceptor.encode_text(texts)
    require_units(embeddings, len(texts), perceptor)
    torch.testing.assert_close(perceptor.encode_text(["a house"])[0], embeddings[1], rtol=1e-4, atol=1e-5)
    assert not embeddings.requires_grad and (embeddings[0] - embeddings[1]).abs().max() > 1e-3


def test_targets_across_the_modality_gap_are_unit_vectors(perceptor: Perceptor) -> None:
    require_units(perceptor.image_target(perceptor.encode_text(["a fox", "a house"])), 2, perceptor)


def test_the_tiny_perceptor_names_words_that_it_never_learnt(small_tiny: Path) -> None:
    tiny = registry.create("perceptor", {"type": "tiny", "path": str(small_tiny)})
    tiny.prepare(torch.device("cpu"))
    assert tiny.unknown_words("A fox, a hause, a zzz") == {"hause": ["house"], "zzz": []}


def test_weights_that_are_missing_damaged_or_another_s_are_named(small_tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(small_tiny.read_bytes()[:-50])
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with safe_open(small_tiny, framework="pt") as file:
        about = json.loads(file.metadata()["pixgen"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    about["architecture"]["of_later"] = 1
    save_file(weights, tmp_path / "later.safetensors", metadata={"pixgen": json.dumps(about)})
    cases = {
        "none": "not found",
        "bad": "damaged",
        "other": "not one of pixgen's perceptors",
        "later": "another version",
    }
    for name, said in cases.items():
        tiny = registry.create("perceptor", {"type": "tiny", "path": str(tmp_path / f"{name}.safetensors")})
        with pytest.raises(PixgenError, match=rf"(?s){name}\.safetensors.*{said}|{said}.*{name}\.safetensors"):
            tiny.prepare(torch.device("cpu"))
