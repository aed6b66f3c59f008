"""The perceptor that ships with pixgen: trained on drawings and captions in English and Portuguese; works offline."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.contracts import Perceptor
from pixgen.errors import PixgenError
from pixgen.io import paths, resources
from pixgen.models.tokenizer_files import Vocabulary
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
        path = paths.written(self.path) if self.path else resources.embedded() / "perceptor.safetensors"
        missing = "give perceptors.tiny.path a file that exists" if self.path else "install pixgen again"
        way_out = "train it again" if self.path else "install pixgen again"
        weights, about = store.read(path, "perceptor", missing=missing)
        if not {"architecture", "tokenizer", "words"} <= about.keys() or "gap" not in weights:
            raise PixgenError(f"{path} is not one of pixgen's perceptors: no architecture in its metadata")
        self.gap = weights.pop("gap").to(device)
        wrong = f"{path} was written by another version of pixgen"
        self.model = store.build(path, weights, about["architecture"], TinyConfig, TinyCLIP, wrong, way_out)
        config, words = self.model.config, about["words"]
        if self.gap.shape != (config.dim,) or not isinstance(words, list) or not all(isinstance(w, str) for w in words):
            raise PixgenError(f"{wrong} (its gap or its words); {way_out}")
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.words = set(words)
        rules = json.dumps(about["tokenizer"])
        self.vocabulary = Vocabulary(rules, path, config.context, config.vocabulary, pad=0)
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
        return long_texts.split(text, lambda part: not self.vocabulary.is_cut(part))

    def unread(self, text: str) -> str:
        return self.vocabulary.unread(text)

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
        ids = self.vocabulary.ids([text or " " for text in texts], empty=1)
        ids[(ids != 0).sum(1) == 0, 0] = 1  # an empty text is one unknown token, for a mean needs one
        return ids.to(self.device)

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        said = dict.fromkeys(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", text.lower()))
        return {w: difflib.get_close_matches(w, self.words, n=3, cutoff=0.7) for w in said if w not in self.words}

    def image_target(self, text_embeddings: Tensor) -> Tensor:
        """Text embeddings moved by the mean difference of paired images and captions, (M, D), unit norm."""
        return F.normalize(text_embeddings + self.gap.to(text_embeddings.dtype), dim=-1)
