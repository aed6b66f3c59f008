"""A job as the manifest has it, and what tells records apart that say the same."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pixgen.batch.job import Settings
from pixgen.settings.config import RenderConfig


@dataclass(frozen=True)
class Record:
    """A job as the manifest has it.

    state: `pending`, `draft` (a whole picture of fewer steps than planned), `done` or `failed`. file: its name in the
    folder. group: jobs of one number are drawn together, always. steps: of the picture that is there, 0 where
    none is. losses: of the last step. rank: by which drafts are refined, the greatest first.
    """

    id: int
    key: str
    file: str
    prompt: str
    template: str | None
    seed: int
    axes: Mapping[str, Any]
    settings: Settings
    state: str
    attempts: int
    group: int | None
    steps: int
    planned: int
    seconds: float | None
    losses: Mapping[str, float]
    scores: Mapping[str, float]
    rank: float | None
    error: str | None

    def config(self) -> RenderConfig:
        """The requested config with this prompt and seed."""
        return dataclasses.replace(self.settings.config, prompt=self.prompt, seed=self.seed)


def numbered(records: Iterable[Record]) -> Iterator[tuple[Record, int]]:
    """Each record with how many before it have the same prompt, template, seed and axes, in other settings.

    That number tells rows apart that differ only in settings of their own, and is the same at every value of a grid.
    Give it all records of a list, so that one without a picture shifts nothing.
    """
    before: Counter[tuple[Any, ...]] = Counter()
    for record in records:
        said = (record.prompt, record.template, record.seed, json.dumps(record.axes, sort_keys=True))
        yield record, before[said]
        before[said] += 1
