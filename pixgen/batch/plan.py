"""From rows to jobs: applies presets, flags, grid, seeds and wildcards, and gives each job its key.

A row expands to jobs in this order, the first changing slowest: the prompts of its template, the seeds, the axes of the
grid as they were given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixgen.batch.job import Job, Settings, canonical, key_of
from pixgen.batch.rows import Row
from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import untrusted
from pixgen.io.yaml_files import Layer
from pixgen.prompts import grammar
from pixgen.prompts.wildcards import Wildcards
from pixgen.settings import config as configs
from pixgen.settings import memory
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import gather, parse_assignments

MAX_JOBS = 10_000
"""Lists that multiply (grid, seeds, combinations) to more jobs than this need `allow_many` (--yes)."""

_OUTSIDE = "put the file there, or allow its folder: --allow-folder DIR"

_OWN = ("prompt", "seed", "name", "preset")
"""Columns of a row that are not settings."""

_FIELDS = [field.name for field in dataclasses.fields(RenderConfig)]


@dataclass
class Plan:
    """What applies to all rows of a list.

    presets, config_file: as on the command line.
    layers: settings of flags and `key=value` words; a row overrides them, the grid overrides a row.
    grid: axis -> its values; axes multiply.
    seeds: every row is drawn with each; if empty, with the row's seed, or one derived from `seed` and the row's text.
    seed: base seed for rows that do not set their own.
    combinations: expand a template to all its prompts, instead of one drawn by the seed.
    wildcards: the files behind `__name__`.
    allow_many: allow lists that multiply to more than MAX_JOBS.
    folders: where files that a row names (start pictures, `image:` prompts, weights) must lie, links followed; None for
    rows of the caller's own. What flags, the config file and the grid name may lie anywhere.
    allow_large: allow pictures that take more memory than `settings.memory` allows.
    """

    presets: Sequence[str] = ()
    config_file: str | None = None
    layers: Sequence[Layer] = ()
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    seed: int = 0
    combinations: bool = False
    wildcards: Wildcards = field(default_factory=lambda: Wildcards([Path()]))
    allow_many: bool = False
    folders: Sequence[Path] | None = None
    allow_large: bool = False

    def expand(self, rows: Iterable[Row]) -> Iterator[Job]:
        """The jobs of a list, one after another. Two rows of equal settings and seed give equal jobs.

        Raises UsageError, with the row's place, for an invalid setting, prompt or wildcard, and before a list
        multiplies beyond MAX_JOBS, unless `allow_many`.
        """
        resolve = lru_cache(maxsize=1024)(self._resolve)
        every_row = math.prod(map(len, self.grid.values())) * max(1, len(self.seeds))
        multiplied = every_row > 1
        self._require_bound(every_row, multiplied)
        points = [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]
        made = 0
        with contextlib.closing(_Occurrences()) as occurrences:
            for row in rows:
                with _located(row.source):
                    if self.folders is not None:
                        untrusted.require_settings_inside(row.values, self.folders, "the row", _OUTSIDE)
                    own = _own_settings(row)
                    template = str(row.values["prompt"])
                    every = self.combinations and not row.whole
                    parts = self.wildcards.count(template) if every else 1
                    self._require_bound(made + parts * every_row, multiplied or parts > 1)
                    for text in self.wildcards.all(template) if every else [template]:
                        for job in self._jobs(row, own, text, template, points, occurrences, resolve):
                            made += 1
                            yield job

    def _jobs(
        self,
        row: Row,
        own: str,
        text: str,
        template: str,
        points: Sequence[Mapping[str, Any]],
        occurrences: _Occurrences,
        resolve: Any,
    ) -> Iterator[Job]:
        _, common = resolve(own, row.presets, row.whole, canonical(points[0]))
        given = row.values.get("seed", common)
        repeat = 0
        seeds: Sequence[int] = self.seeds
        if not seeds and given == "auto":
            said = f"{self.seed}/{text}/{own}/{'/'.join(row.presets)}"
            repeat = occurrences.count(said)
            digest = hashlib.blake2b(f"{said}/{repeat}".encode(errors="surrogatepass"), digest_size=4).digest()
            seeds = [int.from_bytes(digest, "big")]
        for seed in seeds or [_checked_seed(given)]:
            settled = row.whole or self.combinations
            prompt = grammar.choose(text, seed) if settled else self.wildcards.draw(text, seed)
            for part in grammar.parse(prompt, seed):
                if part.kind == "image" and self.folders is not None:
                    untrusted.require_file_inside(part.text, self.folders, "the prompt's picture is", _OUTSIDE)
            for point in points:
                settings, _ = resolve(own, row.presets, row.whole, canonical(point))
                key = key_of(settings, prompt, seed, repeat)
                origin = row.template or template
                yield Job(key, row.name, prompt, None if origin == prompt else origin, seed, repeat, point, settings)

    def _resolve(self, own: str, presets: tuple[str, ...], whole: bool, point: str) -> tuple[Settings, int | str]:
        """The settings of a row at one point of the grid, and the seed that its presets or the config file set."""
        axes: dict[str, Any] = json.loads(point)
        names = [*self.presets, *presets]
        grid = []
        for axis, value in axes.items():
            if axis == "preset":
                names.append(str(value))
                continue
            for part in reversed(axis.split(".")):
                value = {part: value}
            grid.append(Layer(value, f"--grid {axis}"))
        if whole:
            stored = configs.from_dict(json.loads(own))
            config = configs.resolve([*self.layers, *grid], base=stored)
            memory.require(config, allow_large=self.allow_large)
            return Settings.of(config), "auto"
        row = Layer(json.loads(own), "the row")
        config = configs.resolve(gather(names, self.config_file, [*self.layers, row, *grid]))
        memory.require(config, allow_large=self.allow_large)
        return Settings.of(config), config.seed

    def _require_bound(self, jobs: int, multiplied: bool) -> None:
        if multiplied and jobs > MAX_JOBS and not self.allow_many:
            raise UsageError(
                f"this list multiplies to {jobs:,} pictures or more, beyond {MAX_JOBS:,}; add --yes to allow it"
            )


def parse_grid(words: Iterable[str]) -> dict[str, list[Any]]:
    """`key=a,b,c` words as axes; commas inside brackets, braces or quotes do not separate. Raises UsageError."""
    axes: dict[str, list[Any]] = {}
    for word in words:
        axis, equals, text = word.partition("=")
        axis = axis.strip()
        values = [value for value in _split(text) if value]
        if not equals or not axis or not values:
            raise UsageError(f"--grid {word!r}: write an axis and its values, as in --grid steps=60,120")
        if axis in axes or axis in ("prompt", "name", "seed"):
            way = "write all its values in one" if axis in axes else "use --seeds, or rows of their own"
            raise UsageError(f"--grid {word!r}: {axis!r} cannot be an axis here; {way}")
        if axis == "preset":
            axes[axis] = values
            continue
        axes[axis] = []
        for value in values:
            node: Any = next(iter(parse_assignments([f"{axis}={value}"]))).values
            for part in axis.split("."):
                node = node[part]
            axes[axis].append(node)
    return axes


def parse_seeds(text: str) -> list[int]:
    """`1..8`, `3,5,9` or `7` as seeds. Raises UsageError."""
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dots, last = part.partition("..")
            start, stop = int(first), int(last if dots else first)
            if not 0 <= start <= stop <= configs.MAX_SEED or stop - start >= configs.MAX_COUNT:
                raise ValueError
            found += range(start, stop + 1)
    except ValueError:
        raise UsageError(f"--seeds {text!r}: write 1..8, or 3,5,9; seeds are 0 to 2**63 - 1") from None
    return list(dict.fromkeys(found))


class _Occurrences:
    """Counts repeated texts; on disk, for a list may have a million lines."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")  # a temporary file that SQLite deletes
        self._db.execute("CREATE TABLE said (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")

    def count(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        row = self._db.execute(
            "INSERT INTO said VALUES (?, 0) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times", (digest,)
        ).fetchone()
        return int(row[0])

    def close(self) -> None:
        self._db.close()


def _own_settings(row: Row) -> str:
    """The settings that the row itself gives, without its prompt and seed, as canonical JSON."""
    for key in row.values:
        if key not in _FIELDS:
            known = [*_FIELDS, "name", "preset"]
            near = did_you_mean(str(key), known) or f"; there are {', '.join(known)}"
            raise UsageError(f"unknown column {shown(key)}{near}")
    return canonical({key: value for key, value in row.values.items() if key not in _OWN})


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= configs.MAX_SEED:
        raise UsageError(f"seed is {shown(seed)}; it must be auto or 0 to 2**63 - 1")
    return seed


@contextlib.contextmanager
def _located(source: str) -> Iterator[None]:
    """Put the row's place before the message of an error."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{source}: {str(error).removeprefix('the row: ')}") from error


def _split(text: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        else:
            depth += (char in "[{(") - (char in "]})")
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]
