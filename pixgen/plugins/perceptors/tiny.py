"""The perceptor that ships with pixgen: trained on drawings and captions in English and Portuguese; works offline."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.backend.tensors import unset
from pixgen.contracts import Perceptor
from pixgen.errors import PixgenError
from pixgen.io import paths, resources
from pixgen.networks import long_texts, store
from pixgen.networks.clip import MAX_SCALE, TinyCLIP, TinyConfig
from pixgen.registry import register


@register("perceptor", "tiny")
@dataclass
class Tiny(Perceptor):
    """pixgen's own small CLIP, trained by `pixgen.training.clip` on open drawings.

    Raises PixgenError when its weights are missing or are not such a perceptor's.
    """

    path: str = ""
    """A weights file of `pixgen train clip`; empty for the one that ships with pixgen."""

    def prepare(self, device: torch.device) -> None:
        from tokenizers import Tokenizer

        path = paths.written(self.path) if self.path else resources.embedded() / "perceptor.safetensors"
        way_out = "give perceptors.tiny.path a file that exists" if self.path else "install pixgen again"
        weights, about = store.read(path, "perceptor", missing=way_out)
        if not {"architecture", "tokenizer", "words"} <= about.keys() or "gap" not in weights:
            raise PixgenError(f"{path} is not one of pixgen's perceptors: no architecture in its metadata")
        sizes = about["architecture"].items()
        architecture: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in sizes}
        self.gap = weights.pop("gap").to(device)
        try:
            config = TinyConfig(**architecture)
            with unset():
                self.model = TinyCLIP(config).eval().requires_grad_(False)
            self.model.load_state_dict(weights, assign=True)
        except (TypeError, RuntimeError) as error:
            way_out = "train it again" if self.path else "install pixgen again"
            raise PixgenError(f"{path} was written by another version of pixgen; {way_out}") from error
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.words = set(about["words"])
        self.tokenizer = Tokenizer.from_str(json.dumps(about["tokenizer"]))
        self.tokenizer.enable_padding(length=config.context, pad_id=0)
        self.tokenizer.enable_truncation(config.context)
        self.device, self.input_size, self.dim = device, config.side, config.dim
        self.logit_scale = min(float(self.model.log_scale.exp()), MAX_SCALE)

    def files(self) -> list[str]:
        """The user-provided weights, if `path` names any."""
        return [self.path] if self.path else []

    def encode_image(self, images: Tensor) -> Tensor:
        return self.model.encode_image(images)

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Tensor:
        return long_texts.encode(texts, self.pieces, lambda found: self.model.encode_text(self._ids(found)))

    def pieces(self, text: str) -> list[str]:
        return long_texts.split(text, lambda part: not self.tokenizer.encode(part).overflowing)

    def unread(self, text: str) -> str:
        encoded = self.tokenizer.encode(text)
        return text[encoded.offsets[-1][1] :].strip() if encoded.overflowing else ""

    @torch.no_grad()
    def encode_tokens(self, texts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Texts -> token states, float32 (B, T, text_width); which of them count, bool (B, T); embeddings, (B, D).

        T is the longest text's number of tokens. What lies behind the context (`unread`) counts in none of them.
        """
        ids = self._ids(texts)
        ids = ids[:, : int((ids != 0).sum(1).max())]
        states = self.model.text.states(ids)
        return states, ids != 0, F.normalize(self.model.text.whole(ids, states).float(), dim=-1)

    def _ids(self, texts: list[str]) -> Tensor:
        ids = torch.tensor([e.ids or [1] for e in self.tokenizer.encode_batch([t or " " for t in texts])])
        ids[(ids != 0).sum(1) == 0, 0] = 1  # an empty text is one unknown token, for a mean needs one
        return ids.to(self.device)

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        said = dict.fromkeys(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.lower()))
        return {w: difflib.get_close_matches(w, self.words, n=3, cutoff=0.7) for w in said if w not in self.words}

    def image_target(self, text_embeddings: Tensor) -> Tensor:
        """Text embeddings moved by the mean difference of paired images and captions, (M, D), unit norm."""
        return F.normalize(text_embeddings + self.gap.to(text_embeddings.dtype), dim=-1)
