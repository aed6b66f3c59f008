"""What both DALL-E starts share: sampling several code grids at once, and ranking them by CLIP similarity."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.errors import UsageError
from pixgen.io.pictures import fit, read
from pixgen.networks.pair import PAIR_SIDE, Pair, load
from pixgen.networks.store import files_in
from pixgen.prompts.grammar import Prompt, parse
from pixgen.scenery.reader import every_subject

log = logging.getLogger(__name__)

STYLE_WEIGHT = 0.5
"""Weight of a preset's style phrases relative to the prompts, in the ranking and in the conditioning."""

MAX_CANDIDATES = 4_096
"""They are sampled together, in memory."""


@dataclass
class Candidates(Start):
    """Samples `candidates` code grids for a picture; attempt i is the i-th best of them by the pair's perceptor."""

    min_side: ClassVar[int] = PAIR_SIDE
    networks: ClassVar[Sequence[str]]
    """The networks of the pair that are read."""
    renamed: ClassVar[Mapping[str, str]] = {"uncoloured": "colour_free_weight"}

    folder: str = ""
    """Folder of the pair's files (perceptor, vqgan, tokens, prior); empty for those that ship with pixgen."""
    candidates: int = 16
    """Number of code grids to sample, 1 to 4,096; the best comes first."""
    temperature: float = 0.9
    """Sampling temperature, at least 0; lower values vary less, 0 always takes the most likely code."""
    top_k: int = 64
    """Sample each code from the N most likely (0: no limit)."""
    guidance: float = 4.0
    """Classifier-free guidance scale, at least 0; 1 turns guidance off, 0 ignores the prompt."""
    colour_free_weight: float = 0.4
    """Weight of the caption without object colours, blended in so that an unusual colour does not replace the object;
    0 to 1."""

    _pair: Pair | None = field(init=False, repr=False, compare=False, default=None)
    _drawn: dict[tuple[int, int], Tensor] = field(init=False, repr=False, compare=False, default_factory=dict)

    def prepare(self, session: Session) -> None:
        """Load the pair. Raises UsageError for options out of range, PixgenError for files that cannot be used."""
        if not 1 <= self.candidates <= MAX_CANDIDATES:
            raise UsageError(f"start.candidates is {self.candidates}; it must be 1 to {MAX_CANDIDATES:,}")
        if not 0 <= self.colour_free_weight <= 1:
            raise UsageError(f"start.colour_free_weight is {self.colour_free_weight:g}; it must be from 0 to 1")
        if not self.folder:
            _warn_of_several_things(session.prompts)
        self._pair = load(self.folder, session.device)
        self._drawn.clear()

    def files(self) -> list[str]:
        """The pair's files, unless it is the one that ships with pixgen."""
        return files_in(self.folder, self.networks)

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        if self._pair is None:
            self.prepare(session)
        assert self._pair is not None
        draw, place = divmod(attempt, self.candidates)
        if (index, draw) not in self._drawn:
            self._drawn[index, draw] = self._ranked(self._pair, session, index, draw)
        return params(session, self._pair, self._drawn[index, draw][place : place + 1], size)

    def _ranked(self, pair: Pair, session: Session, index: int, draw: int) -> Tensor:
        random = session.streams[index].generator("start", draw)
        styles = [p for phrase in session.phrases for p in parse(phrase, session.streams[index].seed)]
        prompts = [*session.prompts[index], *(replace(p, weight=STYLE_WEIGHT * p.weight) for p in styles)]
        grids = self.grids(pair, prompts, random)
        return grids[similarity(pair, grids, prompts).argsort(descending=True, stable=True)]

    def colour_free(self, text: str) -> str:
        """The second condition: the text without object colours; the text itself if that has no weight."""
        return every_subject().uncoloured(text) if self.colour_free_weight else text

    @abstractmethod
    def grids(self, pair: Pair, prompts: Sequence[Prompt], random: torch.Generator) -> Tensor:
        """Sample the candidates of one picture, int64 (candidates, 16, 16)."""


def _warn_of_several_things(prompts: Iterable[Sequence[Prompt]]) -> None:
    """Warn of prompts that name several things: the shipped pair was trained on pictures of one."""
    for texts in dict.fromkeys(tuple(p.text for p in found if p.kind == "text" and p.weight > 0) for found in prompts):
        things = sum(len(every_subject().read(text).things) for text in texts)
        if things > 1:
            log.warning(
                "%r names %d things, and the shipped DALL-E networks were taught one in a picture; the default, "
                "--method loop from the bank, draws several", " | ".join(texts), things,
            )  # fmt: skip


def params(session: Session, pair: Pair, grid: Tensor, size: Size) -> Params:
    """A code grid (1, 16, 16) as the generator's params at `size`.

    The codes themselves where the generator has the pair's codebook and grid, else the decoded picture, encoded.
    """
    generator: Any = session.generator
    codebook: Tensor | None = getattr(getattr(getattr(generator, "network", None), "quantize", None), "codebook", None)
    own = pair.vqgan.quantize.codebook
    if codebook is not None and tuple(size) == (PAIR_SIDE, PAIR_SIDE) and _same(codebook, own):
        made: Params = generator.of_codes(grid.to(codebook.device))
        return made
    return session.generator.encode(fit(pair.decode(grid), size).to(session.device))


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.to(other), other)


def similarity(pair: Pair, grids: Tensor, prompts: Sequence[Prompt]) -> Tensor:
    """The score that candidates are ranked by, (N,): weighted cosine similarities of decoded grids to the prompts.

    grids: int64 (N, 16, 16).
    """
    embeddings = pair.embed(pair.decode(grids))
    total = torch.zeros(len(grids), device=embeddings.device)
    for prompt in prompts:
        target = picture(pair, prompt) if prompt.kind == "image" else pair.perceptor.encode_text([prompt.text])
        total = total + prompt.weight * (embeddings @ target[0])
    return total


def picture(pair: Pair, prompt: Prompt) -> Tensor:
    """The image embedding of an image prompt, (1, D). Raises UsageError for an unreadable picture."""
    side = pair.perceptor.input_size
    return pair.embed(fit(read(prompt.source, size=(side, side)), (side, side)))
