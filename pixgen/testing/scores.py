"""The check of scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pixgen.contracts import Score
from pixgen.errors import UsageError
from pixgen.loop.scoring import finished_run
from pixgen.testing import toys
from pixgen.testing.comparing import alike, converted, require_float
from pixgen.testing.options import check_options
from pixgen.testing.subject import Subject, checking

PICTURES = ((3, "a fox"), (4, "a dog | a cat:-0.5"), (5, "a red car on a hill"))
"""(seed, prompt) of the batch."""


def check_score(
    plugin: Score | type[Score] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    dtype: torch.dtype = torch.float64,
) -> None:
    """Check that a score keeps its contract (`pixgen.contracts.Score`), on three random pictures of 48x32.

    That it returns finite numbers of each picture, (B,), under "" and the names of details, the same when asked again,
    and none depends on the other pictures; it changes no picture; every option is documented, and its values work or
    are refused; the global random state is left alone; the options can be stored and come back equal.

    Arguments as for `check_loss`. Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("score", plugin, options) as subject:
        score: Score = subject.plugin()
        lower = score.lower_is_better
        subject.require(isinstance(lower, bool), f"its lower_is_better is {lower!r}", "write True or False")
        _scored(subject, score, range(3), torch.float32)
        twin = converted(score, dtype)
        together = _scored(subject, twin, range(3), dtype)
        again = _scored(subject, twin, range(3), dtype)
        same = together.keys() == again.keys() and all(torch.equal(together[key], again[key]) for key in again)
        subject.require(same, "asked again it gives other numbers", "draw from a named stream of run.session.streams")
        for b in range(3):
            alone = _scored(subject, twin, (b,), dtype)
            fits = alone.keys() == together.keys() and all(alike(together[k][b : b + 1], alone[k]) for k in alone)
            mend = "treat the pictures independently: .flatten(1).mean(1)"
            subject.require(fits, f"among others picture {b} has another score than alone", mend)
        check_options(subject, wrong, lambda other: _scored(subject, other, (0,), torch.float32))
        if subject.given is None:
            _check_stored(subject)


def _scored(subject: Subject, score: Score, which: Sequence[int], dtype: torch.dtype) -> dict[str, Tensor]:
    scene = toys.scene([PICTURES[b] for b in which])
    drawn = [torch.rand(3, 32, 48, generator=streams.generator("picture")) for streams in scene.session.streams]
    images = torch.stack(drawn).to(dtype)
    before = images.clone()
    with subject.calling("the score"):
        numbers = score(finished_run(scene), images)
    named = isinstance(numbers, dict) and "" in numbers and all(isinstance(key, str) for key in numbers)
    what = sorted(map(str, numbers)) if isinstance(numbers, dict) else type(numbers).__name__
    subject.require(named, f"it returns {what}", 'return {"": one number a picture}, and details under their names')
    for key, values in numbers.items():
        require_float(subject, values, f"its number {key!r}", (len(images),))
    subject.require(torch.equal(before, images), "it changes the pictures", "no methods that end in _ on them")
    return numbers


def _check_stored(subject: Subject) -> None:
    try:
        stored = json.loads(json.dumps(dict(subject.options)))
        again = Subject("score", subject.name, stored).make()
    except (TypeError, ValueError, UsageError) as error:
        subject.fail(f"its options cannot be stored: {error}", "give them types that YAML and JSON have")
    subject.require(again == subject.make(), "its options come back otherwise than stored", "use plain types")
