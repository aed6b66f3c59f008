"""Builds CLIPs with open_clip from files that are here; never lets it fetch anything by itself."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from pixgen.backend.silence import silenced
from pixgen.backend.streams import drawing_from
from pixgen.backend.torchvision_ops import ensure_torchvision
from pixgen.errors import PixgenError, UsageError, did_you_mean, reason
from pixgen.models import checkpoints, tokenizer_files
from pixgen.models import weights as files
from pixgen.models.entry import Entry, File

if TYPE_CHECKING:
    from PIL.Image import Image


LONGEST = 16
"""A picture's longer side is cut at so many of its shorter one before it is resized and cropped."""


class Tokenize(Protocol):
    """Texts -> token ids, int64 (len(texts), context)."""

    def __call__(self, texts: list[str]) -> Tensor: ...


@dataclass
class Built:
    """A CLIP, frozen and in eval mode, with what its weights expect of pictures.

    side: of the square pictures, in pixels. mean, std: of their channels, for pictures in [0, 1].
    resize_mode, interpolation: how pictures become square, in open_clip's words.
    """

    model: Any
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dim: int
    resize_mode: str = "shortest"
    interpolation: str = "bicubic"

    @property
    def logit_scale(self) -> float:
        """By what cosines were multiplied in training, at its end."""
        return float(self.model.logit_scale.detach().exp())


def known(architecture: str, pretrained: str) -> Entry | None:
    """What open_clip's own table says of a model that the zoo does not list; None if it knows none such."""
    package = open_clip()
    about = package.get_pretrained_cfg(architecture, pretrained)
    if not about:
        return None
    sources, name = [], "open_clip_model.safetensors"
    if hub := about.get("hf_hub"):
        repository, _, file = hub.rpartition("/")
        name = file or name
        sources.append(f"hub:{repository}/{name}")
    if url := about.get("url"):
        sources.append(url)
        name = name if hub else url.rpartition("/")[2]
    return Entry(
        name=f"{architecture}@{pretrained}",
        kind="clip",
        about="known to open_clip",
        architecture={
            "name": architecture,
            "pretrained": pretrained,
            "quick_gelu": bool(about.get("quick_gelu")),
        },
        files=[File(name=name, sources=sources)],
        source="open_clip's table of pretrained models",
    )


def require(architecture: str) -> None:
    """Raise UsageError, with the nearest name, for an architecture that open_clip does not have."""
    package = open_clip()
    if package.get_model_config(architecture) is None:
        near = did_you_mean(architecture, package.list_models())
        raise UsageError(f"open_clip {package.__version__} has no architecture {architecture!r}{near}")


def _name(architecture: Mapping[str, Any]) -> str:
    """open_clip's name of an architecture; never one that open_clip would look up elsewhere (`hf-hub:`)."""
    name = architecture.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        raise UsageError(f"architecture.name is {name!r}; it must be a name that open_clip has, as ViT-B-32")
    return name


def build(architecture: Mapping[str, Any], weights: Path | None, where: str = "") -> Built:
    """The network of an entry's `architecture` with these weights; random ones for None (tests, benchmarks).

    QuickGELU is used where the weights were trained with it: the other activation loads just as well and scores
    silently wrong. Raises UsageError for an architecture that open_clip does not have, PixgenError for weights that are
    damaged or do not fit, naming the first keys that differ.
    """
    package = open_clip()
    name = _name(architecture)
    require(name)
    config = package.get_model_config(name)
    if "hf_model_name" in config["text_cfg"]:
        raise UsageError(f"{name} has a text tower of transformers, which is not supported; choose another CLIP")
    quick = bool(architecture.get("quick_gelu"))
    # Without memory for parameters that are put in place as they are read; timm's networks cannot be made so.
    bare = weights is not None and "timm_model_name" not in config["vision_cfg"]
    device = torch.device("meta" if bare else "cpu")
    # It would log that the weights are random, which they are for a moment.
    create = silenced(package.create_model)
    with device, drawing_from(torch.Generator()):
        model = create(
            name,
            load_weights=False,
            device=device,
            force_quick_gelu=quick,
            pretrained_image=False,
            pretrained_text=False,
        )
    if weights is not None:
        _load(model, weights)
    model.eval().requires_grad_(False)
    about = package.get_pretrained_cfg(name, str(architecture.get("pretrained"))) or {}
    mean, std = about.get("mean") or _MEAN, about.get("std") or _STD
    side = model.visual.image_size
    return Built(
        model, side if isinstance(side, int) else side[0], tuple(mean), tuple(std), config["embed_dim"],
        about.get("resize_mode") or "shortest", about.get("interpolation") or "bicubic",
    )  # fmt: skip


def whole(image: Image, built: Built) -> Image:
    """A whole picture as the square that this CLIP expects, as open_clip's own preprocessing makes it."""
    from PIL import Image as images
    from PIL import ImageOps

    kind = images.Resampling.BILINEAR if built.interpolation == "bilinear" else images.Resampling.BICUBIC
    side = built.side
    if built.resize_mode == "squash":
        return image.resize((side, side), kind)
    if built.resize_mode == "longest":
        return ImageOps.pad(image, (side, side), kind, color=0)
    if max(image.size) > LONGEST * min(image.size):  # a strip one pixel wide would become gigabytes
        image = ImageOps.fit(
            image, (min(image.width, LONGEST * image.height), min(image.height, LONGEST * image.width))
        )
    shorter = min(image.size)  # torchvision's Resize rounds the longer side down
    width, height = (side if length == shorter else int(side * length / shorter) for length in image.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return image.resize((width, height), kind).crop((left, top, left + side, top + side))


def openai(path: Path) -> Built:
    """A checkpoint of OpenAI's architectures, whose shapes say how it is built; float32, with QuickGELU as theirs.

    Raises UsageError when it is missing, PixgenError when it is damaged or is of another architecture.
    """
    tensors, _ = files.read(path)
    kept = _weights_alone(checkpoints.without_prefix(tensors, LANDMARK, path))
    try:
        _require_bounded(kept)
        # Its sizes come from the file, and what they would need is not there until the weights have been compared.
        shapes = {name: value.to("meta") for name, value in kept.items()}
        with torch.device("meta"), drawing_from(torch.Generator()):
            model = open_clip().model.build_model_from_openai_state_dict(shapes, cast_dtype=torch.float32).float()
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        why = " ".join(str(error).split())[:300] or reason(error)
        raise PixgenError(
            f"{path} is not a CLIP of OpenAI's architectures ({why}); name its architecture with `pixgen models add`"
        ) from error
    _put(model, kept, path)
    model.eval().requires_grad_(False)
    side = model.visual.image_size
    return Built(model, side if isinstance(side, int) else side[0], _MEAN, _STD, model.text_projection.shape[1])


def tokenizer(architecture: Mapping[str, Any], file: Path | None) -> Tokenize:
    """What makes token ids of texts for this architecture; `file` is its tokenizer.json where it needs one.

    Raises UsageError where it needs one and has none.
    """
    package = open_clip()
    name = _name(architecture)
    require(name)
    text = package.get_model_config(name)["text_cfg"]
    if not text.get("hf_tokenizer_name"):
        found: Tokenize = package.get_tokenizer(name)
        return found
    if file is None:
        raise UsageError(f"{name} needs its tokenizer.json beside its weights; pull it by its name")
    clean, size = (text.get("tokenizer_kwargs") or {}).get("clean"), text.get("vocab_size")
    return _FileTokenizer(file, int(text.get("context_length", 77)), clean, size)


def fits(tokenize: Tokenize, text: str) -> bool:
    """Whether such a tokenizer reads a text to its end, and does not cut it at the context."""
    if isinstance(tokenize, _FileTokenizer):
        return tokenize.fits(text)
    simple: Any = tokenize
    return len(simple.encode(text)) + 2 <= int(simple.context_length)  # a token at either end


_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)
"""OpenAI's (CLIP, clip.py), the default of open_clip."""


class _FileTokenizer:
    """A tokenizer.json read by `tokenizers`, without transformers: padded and cut to the context."""

    def __init__(self, file: Path, context: int, clean: str | None, size: int | None) -> None:
        self._vocabulary = tokenizer_files.read(file, context, size, pad=("<pad>", "[PAD]"))
        self._clean = open_clip().tokenizer.get_clean_fn(clean or "whitespace")

    def __call__(self, texts: list[str]) -> Tensor:
        return self._vocabulary.ids([self._clean(text) for text in texts])

    def fits(self, text: str) -> bool:
        return not self._vocabulary.is_cut(self._clean(text))


def open_clip() -> Any:
    """The package, imported where its own imports may fail without help."""
    ensure_torchvision()
    import open_clip as package

    return package


LANDMARK = "logit_scale"
"""A weight that every CLIP has, which shows what programs put before its names."""

LARGEST = {
    "token_embedding.weight": (1_048_576, 8192),
    "positional_embedding": (4096, 8192),
    "ln_final.weight": (8192,),
    "text_projection": (8192, 8192),
    "visual.conv1.weight": (8192, 8192, 64, 64),
    "visual.positional_embedding": (65_537, 8192),
    "visual.layer1.0.conv1.weight": (8192, 8192, 64, 64),
    "visual.attnpool.positional_embedding": (4097, 8192),
}
"""The weights whose shapes say how large one of OpenAI's is, and the largest of each."""

MAX_WEIGHTS = 10_000
"""Of one of OpenAI's CLIPs; the largest has 1,500."""


def _require_bounded(tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError for shapes that no CLIP of OpenAI's has: a network is built from them."""
    if len(tensors) > MAX_WEIGHTS:
        raise ValueError(f"it has {len(tensors):,} tensors")
    for name, largest in LARGEST.items():
        shape = tensors[name].shape if name in tensors else torch.Size()
        if name in tensors and (len(shape) != len(largest) or any(a > b for a, b in zip(shape, largest))):
            raise ValueError(f"its {name} is {tuple(shape)}")


def _load(model: Any, path: Path) -> None:
    tensors, _ = files.read(path)
    tensors = checkpoints.without_prefix(tensors, LANDMARK, path)
    _put(model, _renamed(tensors, model.state_dict()), path)


def _put(model: Any, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the weights of a file into a model of open_clip's. Raises PixgenError where they do not fit it."""
    own = model.state_dict()
    for name in ("logit_scale", "logit_bias"):  # a number here, a vector of one there
        if name in tensors and name in own and tensors[name].numel() == own[name].numel():
            tensors[name] = tensors[name].reshape(own[name].shape)
    files.require_fit(own, tensors, path, "its architecture")
    files.require_real(tensors, path)
    cast = {k: v.to(own[k].dtype if own[k].is_floating_point() else v.dtype).clone() for k, v in tensors.items()}
    model.load_state_dict(cast, assign=True)
    _fill(model)


_BESIDE = ("input_resolution", "context_length", "vocab_size")
"""What OpenAI's files hold beside the weights."""


def _weights_alone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v for k, v in tensors.items() if k not in _BESIDE and not k.endswith(("attn_mask", "position_ids"))}


def _renamed(tensors: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Bring OpenAI's and other programs' names to open_clip's, as open_clip does it itself where it can."""
    kept = _weights_alone(tensors)
    if "positional_embedding" in kept and "positional_embedding" not in own:
        kept = open_clip().model.convert_to_custom_text_state_dict(kept)
    return kept


def _fill(model: Any) -> None:
    """Buffers that no file holds: the causal mask, which was made without memory."""
    for module in model.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta and name == "attn_mask":
                size = buffer.shape[0]
                module.attn_mask = torch.full((size, size), -math.inf).triu(1)
            elif buffer.is_meta:
                raise PixgenError(f"open_clip's buffer {name} of {type(module).__name__} is in no file")
