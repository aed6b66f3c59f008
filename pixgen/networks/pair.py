"""A model pair as DALL-E uses it: from text to embeddings, code grids and pictures.

pair = load()
grids = pair.from_text(["a red fox"], 8, guidance=2.0)              # DALL-E: text -> codes
embeddings = pair.text_to_image_embedding(["a red fox"], 1)         # DALL-E 2: text -> embedding -> codes
grids = pair.from_embedding(embeddings, 8)
pictures = pair.decode(grids)
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen import registry
from pixgen.contracts import Perceptor
from pixgen.errors import PixgenError, UsageError
from pixgen.io import paths, resources
from pixgen.networks import store
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig, TokenDecoder

if TYPE_CHECKING:
    from pixgen.networks.vqgan import VQModel

log = logging.getLogger(__name__)

PAIR_SIDE = 128
"""Side in pixels of the pictures whose code grids the token decoder models."""


def load(folder: str | Path = "", device: torch.device | str = "cpu") -> Pair:
    """The pair whose files are in `folder`; empty for the pair that ships with pixgen. Nothing is read yet.

    Raises UsageError if there is no such folder.
    """
    place = paths.written(folder) if folder else resources.embedded()
    if not place.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r} with the files of a model pair")
    return Pair(place, torch.device(device))


class PairPerceptor(Perceptor):
    """What a pair needs of its perceptor: the contract of every perceptor, and the states of a text's tokens.

    model: its network, a `pixgen.networks.clip.TinyCLIP`.
    """

    model: Any

    @abstractmethod
    def encode_tokens(self, texts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Texts -> token states, float32 (B, T, W); their mask, bool (B, T); embeddings, (B, D), unit norm.

        All of them of what fits into the context: `encode_text` reads longer texts whole, in pieces.
        """

    @abstractmethod
    def unread(self, text: str) -> str:
        """The end of a text that `encode_tokens` leaves out; empty where it reads all."""


def load_perceptor(path: str | Path = "", device: torch.device | str = "cpu") -> PairPerceptor:
    """The perceptor of a weights file, ready to use; empty for the one that ships with pixgen.

    Raises PixgenError if the file is missing, damaged, or not of such a perceptor.
    """
    made = registry.create("perceptor", {"type": "tiny", "path": str(path)}, "perceptor")
    perceptor = cast(PairPerceptor, made)
    perceptor.prepare(torch.device(device))
    return perceptor


class Pair:
    """The networks of one folder; each is read when it is first used.

    A missing, damaged or mismatched file raises PixgenError, which names it and the command that makes it. Images are
    float32 (B, 3, H, W) in [0, 1], embeddings float32 (B, D) of unit norm, code grids int64 (B, 16, 16).
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder, self.device = folder, device

    @property
    def is_embedded(self) -> bool:
        """Whether this is the pair that ships with pixgen."""
        return self.folder == resources.embedded()

    def path(self, name: str) -> Path:
        """The file of the network `name`: perceptor, vqgan, tokens or prior."""
        return self.folder / f"{name}.safetensors"

    @cached_property
    def perceptor(self) -> PairPerceptor:
        return load_perceptor(self._own("perceptor"), self.device)

    @cached_property
    def vqgan(self) -> VQModel:
        path = self._own("vqgan")
        generator: Any = registry.create("generator", {"type": "vqgan"} | ({"model": path} if path else {}), "vqgan")
        generator.prepare(self.device)
        network: VQModel = generator.network
        return network

    @cached_property
    def decoder(self) -> TokenDecoder:
        path = self.path("tokens")
        model, about = store.load(path, TokenConfig, TokenDecoder, "pixgen train tokens")
        codes, grid = self.vqgan.token_codes, PAIR_SIDE // self.vqgan.factor
        sizes = (model.config.codes, model.config.grid, model.config.embedding)
        if sizes != (codes, grid, self.perceptor.dim):
            raise PixgenError(
                f"{path} does not fit the vqgan and the perceptor beside it: it writes {sizes[1]}x{sizes[1]} of "
                f"{sizes[0]} codes from embeddings of {sizes[2]}, theirs are {grid}x{grid} of {codes} from "
                f"{self.perceptor.dim}; make it again with `pixgen train tokens`"
            )
        self._compare(path, about, ("perceptor", "vqgan"), "pixgen train tokens")
        return model.to(self.device)

    @cached_property
    def prior(self) -> Prior:
        path = self.path("prior")
        model, about = store.load(path, PriorConfig, Prior, "pixgen train prior")
        if model.config.embedding != self.perceptor.dim:
            raise PixgenError(
                f"{path} does not fit the perceptor beside it: its embeddings have {model.config.embedding} numbers, "
                f"not {self.perceptor.dim}; make it again with `pixgen train prior`"
            )
        self._compare(path, about, ("perceptor",), "pixgen train prior")
        return model.to(self.device)

    # -- text, embeddings, codes, pictures -------------------------------------------------------------------

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor:
        """The image embeddings of whole pictures, (B, D)."""
        return self.perceptor.encode_image(resized(images.to(self.device), self.perceptor.input_size))

    @torch.no_grad()
    def codes(self, images: Tensor) -> Tensor:
        """The code grids of pictures, resized to 128x128, as finely as the VQGAN can: int64 (B, 16, 16)."""
        found: Tensor = self.vqgan.quantize(self._latents(images))[1]
        return found

    @torch.no_grad()
    def token_codes(self, images: Tensor) -> Tensor:
        """The same of the codes that the token decoder models: all that is learnt, sampled or known by it."""
        return self.vqgan.quantize.nearest(self._latents(images), self.vqgan.token_codes)

    def from_text(
        self,
        texts: list[str],
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        guidance: float = 1.0,
        generator: torch.Generator | None = None,
        second_texts: Sequence[str] = (),
        second_weight: float = 0.0,
    ) -> Tensor:
        """DALL-E: n code grids of one caption; several texts are joined into one caption by commas.

        second_texts: a second caption, with `second_weight` (0 to 1) of the conditioning; none if empty.
        The other options, and the UsageError for one out of range, are those of `TokenDecoder.sample`.
        """
        with torch.no_grad():
            prefix = self.decoder.of_text(*self.perceptor.encode_tokens([", ".join(texts)]))
            second = None
            if second_texts:
                second = self.decoder.of_text(*self.perceptor.encode_tokens([", ".join(second_texts)]))
        return self.decoder.sample(
            prefix, n, temperature=temperature, top_k=top_k, guidance=guidance, generator=generator, second=second,
            second_weight=second_weight,
        )  # fmt: skip

    def from_embedding(
        self,
        embedding: Tensor,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        guidance: float = 1.0,
        generator: torch.Generator | None = None,
        known: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """DALL-E 2's decoder: n code grids of one image embedding, (1, D), or one grid of each of (n, D).

        known: int64 (16, 16), of `token_codes`, kept exactly where mask, bool (16, 16), is False; where it is True
            codes are resampled.
        The other options, and the UsageError for one out of range, are those of `TokenDecoder.sample`.
        """
        with torch.no_grad():
            prefix = self.decoder.of_image(F.normalize(embedding.to(self.device), dim=-1))
        return self.decoder.sample(
            prefix, n, temperature=temperature, top_k=top_k, guidance=guidance, generator=generator, known=known,
            mask=mask,
        )  # fmt: skip

    def text_to_image_embedding(self, texts: list[str], n: int, generator: torch.Generator | None = None) -> Tensor:
        """DALL-E 2's prior: n image embeddings sampled for one caption, (n, D).

        Several texts are joined into one caption by commas.
        """
        text = self.perceptor.encode_text([", ".join(texts)])
        return self.prior.sample(text.expand(n, -1), generator)

    def mix(self, embeddings: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """The weighted sum of image embeddings, (N, D) each, about the mean of all pictures; (N, D), unit norm.

        A negative weight moves away from its embedding. At least one weight must be positive.
        """
        middle = self.decoder.mean[1]
        total = sum(weight for weight in weights if weight > 0)
        moves = [weight / total * (one - middle) for one, weight in zip(embeddings, weights, strict=True)]
        return F.normalize(middle + torch.stack(moves).sum(0), dim=-1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Code grids -> pictures, float32 (B, 3, 128, 128) in [0, 1]."""
        return self.vqgan.decode(self.vqgan.codes(codes.to(self.device))).clamp(0, 1)

    def _latents(self, images: Tensor) -> Tensor:
        return self.vqgan.encode(resized(images.to(self.device), PAIR_SIDE))

    def _own(self, name: str) -> str:
        """The path of a network's file as its plugin takes it: empty for the one that ships with pixgen."""
        return "" if self.is_embedded else str(self.path(name))

    def _compare(self, path: Path, about: dict[str, Any], names: tuple[str, ...], command: str) -> None:
        for name in names:
            if (wanted := about.get(name)) and wanted != store.fingerprint(self.path(name)):
                log.warning(
                    "%s was trained with another %s than the one beside it; what it draws may be poor until `%s` makes "
                    "it again", path, self.path(name).name, command,
                )  # fmt: skip


def resized(images: Tensor, side: int) -> Tensor:
    """Whole pictures at side x side, (B, 3, side, side); other shapes are squeezed, so that nothing is cropped."""
    if images.shape[2:] == (side, side):
        return images
    return F.interpolate(images, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)
