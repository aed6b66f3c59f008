"""Finds pictures by text or by picture: cosines of embeddings, all of them by one matrix product.

That is exact, and faster than opening the files that are found up to millions of pictures
(benchmarks/search_speed.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from pixgen.errors import PixgenError, UsageError
from pixgen.io import pictures
from pixgen.io.sheet import Sheet
from pixgen.prompts.grammar import MAX_LENGTH
from pixgen.recognition import index as indexes
from pixgen.recognition.clip_models import ClipModel, opened

TOP = 10
"""Pictures that a search finds unless asked for more or fewer."""


@dataclass(frozen=True)
class Match:
    """A picture file and its cosine similarity to what was asked for, -1 to 1."""

    file: Path
    score: float


@dataclass(frozen=True)
class Found:
    """The matches, the best first. broken: the files that cannot be read, and why. pictures: how many there are."""

    matches: list[Match]
    broken: dict[Path, str] = field(default_factory=dict)
    pictures: int = 0


def nearest(embeddings: Tensor, rows: Tensor, query: Tensor, count: int) -> tuple[list[int], list[float]]:
    """The pictures nearest to a query (D,): at most `count` places in `rows`, the nearest first, and their cosines.

    embeddings: (N, D); like the query of unit norm. rows: int64 (M,), the row of each picture.
    """
    scores, places = (embeddings @ query)[rows].topk(min(count, len(rows)))
    return places.tolist(), scores.tolist()


def search(
    clip: ClipModel,
    folder: str | Path,
    query: str | None = None,
    *,
    by_image: str | Path | None = None,
    count: int = TOP,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Found:
    """The `count` pictures in a folder, and the folders in it, that come nearest to a text or to a picture file.

    The folder's index is brought up to date first (`pixgen.recognition.index`). progress: called with how many new or
    changed files were looked at, of how many. Raises UsageError where neither or both of text and picture are given,
    for a text or picture that cannot be, and where the folder has no picture; PixgenError where none can be read.
    """
    if (query is None) == (by_image is None):
        raise UsageError('say what to look for: a text, as in "a dog on a beach", or --by-image FILE; not both')
    wanted = embed_text(clip, query) if query is not None else clip.encode_image([opened(by_image)])[0]
    index = indexes.load(folder, clip)
    index.update(progress)
    broken = {index.folder / path: why for path, why in index.broken.items()}
    readable = [(path, one.row) for path, one in index.pictures.items() if not one.broken]
    if not readable:
        raise PixgenError(f"none of the {len(broken)} picture files in {str(folder)!r} can be read: {_first(broken)}")
    rows = torch.tensor([row for _, row in readable])
    places, scores = nearest(index.embeddings, rows, wanted, count)
    matches = [Match(index.folder / readable[place][0], score) for place, score in zip(places, scores, strict=True)]
    return Found(matches, broken, len(readable))


def rank(
    clips: Iterable[ClipModel],
    text: str,
    files: Sequence[str | Path],
    progress: Callable[[int], object] = lambda done: None,
) -> list[Match]:
    """Picture files by how well they match a text, the best first. The score of several CLIPs is their mean.

    progress: called with how many pictures were looked at. Raises UsageError for a text or a file that cannot be.
    """
    totals = torch.zeros(len(files))
    done = models = 0
    for clip in clips:
        wanted = embed_text(clip, text)
        models += 1
        for place, file in enumerate(files):
            totals[place] += clip.encode_image([opened(file)])[0] @ wanted
            progress(done := done + 1)
    scores = (totals / max(models, 1)).tolist()
    return sorted((Match(Path(file), score) for file, score in zip(files, scores, strict=True)), key=lambda m: -m.score)


def embed_text(clip: ClipModel, text: str) -> Tensor:
    """The embedding of a text, float32 (D,). Raises UsageError for an empty one, or one that is too long."""
    if not text.strip():
        raise UsageError('the text to look for is empty; say what the pictures show, as in "a dog on a beach"')
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the text has {len(text):,} characters; the most is {MAX_LENGTH:,}. Shorten it")
    clip.warn_of_unknown_words([text])
    return clip.encode_text([text])[0]


def sheet(matches: Sequence[Match], tile: int = 192, columns: int = 5) -> Sheet:
    """The pictures found on one sheet, the best first, each with its score and its name."""
    columns = min(columns, max(1, len(matches)))
    made = Sheet(columns, -(-len(matches) // columns), tile, gap=8, under=34)
    for place, match in enumerate(matches):
        row, column = divmod(place, columns)
        try:
            made.paste(column, row, pictures.to_image(opened(match.file)), keep_shape=True)
        except UsageError:  # it went meanwhile
            made.outline(column, row)
        x, y = made.corner(column, row)
        name = match.file.name
        made.write((x, y + tile + 3), f"{place + 1}.  {match.score:.3f}", name if len(name) < 30 else f"{name[:27]}...")
    return made


def _first(broken: dict[Path, str]) -> str:
    return next(iter(broken.values()), "they went while they were looked for")
