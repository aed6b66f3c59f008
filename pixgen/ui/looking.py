"""Classification and search as the page asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixgen.errors import UsageError
from pixgen.models import cache, zoo
from pixgen.recognition import classify as zero_shot
from pixgen.recognition import labels as reading
from pixgen.recognition import search as finding
from pixgen.recognition.clip_models import ClipModel
from pixgen.recognition.search import Match
from pixgen.recognition.unlike import INSTEAD
from pixgen.ui import notes as warnings
from pixgen.ui import uploads

MOST_FOUND = 60
"""Pictures that a search shows."""


MOST_HANDED = 100
"""Of pictures that were handed to the page, which a search may come upon and leaves out."""


@dataclass(frozen=True)
class Answer:
    """scores: label -> probability, the best first. unlike: where the picture is foreign to the model, another one."""

    scores: dict[str, float]
    unlike: str = ""
    notes: Sequence[str] = ()


def clips() -> list[str]:
    """The CLIPs that are here: the one that comes with pixgen, and those that were pulled."""
    try:
        there = [entry.name for entry in zoo.entries() if entry.kind == "clip" and cache.state(entry) == "here"]
    except UsageError:  # a wrong file of the user's own is `pixgen doctor`'s to tell of
        there = []
    return [zoo.EMBEDDED, *there]


def require_clip(name: str) -> str:
    """The name, where it is one of `clips`. Raises UsageError for any other."""
    if name not in clips():
        raise UsageError(f"there is no CLIP {name[:80]!r} on this computer (`pixgen models pull` fetches one)")
    return name


def classify(clip: ClipModel, picture: str | Path | None, labels: str) -> Answer:
    """Which of the labels, with commas between them, fits a picture. Raises UsageError for either that cannot be."""
    if not picture:
        raise UsageError("choose a picture to classify")
    names, notes = reading.read(labels), list[str]()
    with warnings.collected(notes):
        (one,) = zero_shot.classify([clip], [uploads.look(picture)], names)
    scores = dict(sorted(one.scores.items(), key=lambda item: -item[1]))
    return Answer(scores, INSTEAD if any(one.unlike.values()) else "", notes)


def search(
    clip: ClipModel, folder: Path, text: str, picture: str | Path | None = None, count: int = 12
) -> tuple[list[Match], list[str]]:
    """The pictures of the folder that fit a text, or are like a picture; and warnings.

    Raises UsageError where neither or both are given, and where there is nothing to search.
    """
    notes: list[str] = []
    if picture:
        uploads.look(picture)
    with warnings.collected(notes):
        found = finding.search(
            clip,
            folder,
            text if text.strip() or not picture else None,
            by_image=picture or None,
            count=MOST_FOUND + MOST_HANDED,
        )
    handed = folder / uploads.UPLOADS
    matches = [match for match in found.matches if not match.file.is_relative_to(handed)]
    return matches[: min(max(count, 1), MOST_FOUND)], [*notes, *list(found.broken.values())[: warnings.MOST]]
