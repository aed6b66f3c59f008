"""A job as the manifest has it, and what tells records apart that say the same."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pixgen.batch.job import Settings
from pixgen.errors import UsageError, shown
from pixgen.io import untrusted
from pixgen.io.naming import PICTURE_SUFFIXES
from pixgen.settings.config import RenderConfig


@dataclass(frozen=True)
class Record:
    """A job as the manifest has it.

    repeat: number of earlier rows with the same text that leave the seed open.
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
    repeat: int
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

    @classmethod
    def checked(cls, values: Mapping[str, Any], where: str) -> Record:
        """A record from a manifest's row, which may be a stranger's: every type, the state and the file's name.

        values: by the names of the columns, `settings` read already. Raises UsageError that begins with `where`.
        """
        for column, types in _TYPES.items():
            if not isinstance(values[column], types):
                raise UsageError(f"{where}: {column} is a {type(values[column]).__name__}; {_WAY_OUT}")
        if values["state"] not in STATES:
            raise UsageError(f"{where}: state is {shown(values['state'])}; {_WAY_OUT}")
        name = untrusted.name(values["file"], f"{where}: file")
        if PurePath(name).suffix.lower() not in PICTURE_SUFFIXES:
            raise UsageError(f"{where}: file: {shown(name)} does not end like a picture; {_WAY_OUT}")
        axes, losses, scores = (plain_data(values[key] or "{}", f"{where}: {key}") for key in _OBJECTS)
        for key, found in zip(_OBJECTS, (axes, losses, scores), strict=True):
            if not isinstance(found, dict) or not (key == "axes" or all(map(_is_number, found.values()))):
                raise UsageError(f"{where}: {key} are not values by name; {_WAY_OUT}")
        rest = {key: value for key, value in values.items() if key not in (*_OBJECTS, "grp")}
        return cls(**rest, axes=axes, losses=losses, scores=scores, group=values["grp"])


STATES = ("pending", "draft", "done", "failed")

_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("id", "seed", "repeat", "attempts", "steps", "planned"), int),
    **dict.fromkeys(("key", "file", "prompt", "axes", "state"), str),
    **dict.fromkeys(("template", "losses", "scores", "error"), str | None),
    **dict.fromkeys(("seconds", "rank"), int | float | None),
    "grp": int | None,
}
"""What a manifest holds in each column; SQLite itself takes anything anywhere."""

_OBJECTS = ("axes", "losses", "scores")

_WAY_OUT = "pixgen wrote no such thing; choose another folder with -o"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def plain_data(text: object, where: str) -> Any:
    """JSON out of a manifest. Raises UsageError that begins with `where`."""
    try:
        return json.loads(text if isinstance(text, str) else "")
    except (ValueError, RecursionError):
        raise UsageError(f"{where} is not JSON; {_WAY_OUT}") from None


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
