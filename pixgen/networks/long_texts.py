"""Texts longer than what a text encoder reads at once: in pieces, whose embeddings are combined.

A CLIP's encoder has a context, 24 tokens in pixgen's own and 77 in OpenAI's, and says nothing of what lies behind it.
`benchmarks/long_prompts.py` measures what reading in pieces brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_BEFORE = re.compile(
    r"(and|with|without|in|on|at|by|near|next|beside|behind|before|under|above|over|between|while|"
    r"e|com|sem|em|no|na|nos|nas|num|numa|sobre|sob|ao|perto|junto|atrás|diante|entre|enquanto)\Z",
    re.IGNORECASE,
)
"""Words before which a text may be cut, in English and Portuguese; `of` and `de` bind too closely."""


def split(text: str, fits: Callable[[str], bool]) -> list[str]:
    """`text` in pieces for each of which `fits` is true, in their order; the text itself where it fits.

    Each piece is as long as it can be, then cut back to the best place in its second half: behind a sentence, behind a
    comma, before a preposition, between words. A word that does not fit is cut between characters. A piece of one
    character is taken whether it fits or not.
    """
    if fits(text):
        return [text]
    words, pieces = text.split(), []
    while words:
        most = _most(words, " ", fits)
        if most == 0:
            word = words[0]
            head = max(1, _most(word, "", fits))
            pieces.append(word[:head])
            words[:1] = [word[head:]] if word[head:] else []
            continue
        if most < len(words):
            most = max(range(max(1, most // 2), most + 1), key=lambda place: (_strength(words, place), place))
        pieces.append(" ".join(words[:most]))
        words = words[most:]
    return pieces


def encode(
    texts: list[str], pieces: Callable[[str], list[str]], encode_at_once: Callable[[list[str]], Tensor]
) -> Tensor:
    """Texts -> float32 (len(texts), D), unit norm: `encode_at_once` of their `pieces`.

    The embedding of a text in several pieces is the sum of theirs, weighted by their words. Where every text is one
    piece, the result is that of `encode_at_once`, bit for bit.
    """
    found = [pieces(text) for text in texts]
    embeddings = encode_at_once([piece for some in found for piece in some])
    if len(embeddings) == len(texts):
        return embeddings
    sums = []
    for some, part in zip(found, embeddings.split([len(some) for some in found]), strict=True):
        words = torch.tensor([float(max(1, len(piece.split()))) for piece in some]).to(part)
        sums.append(part[0] if len(some) == 1 else F.normalize((part * words[:, None]).sum(0), dim=-1))
    return torch.stack(sums)


def _most(parts: Sequence[str], glue: str, fits: Callable[[str], bool]) -> int:
    """How many of the first parts fit together, found by halving."""
    low, high = 0, len(parts)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(glue.join(parts[:middle])) else (low, middle - 1)
    return low


def _strength(words: list[str], place: int) -> int:
    """How good a place it is to cut before `words[place]`."""
    if words[place - 1].endswith((".", "!", "?", ";", ":")):
        return 3
    if words[place - 1].endswith((",", ")", "\N{EM DASH}", "\N{EN DASH}")):
        return 2
    return int(place < len(words) and _BEFORE.match(words[place]) is not None)
