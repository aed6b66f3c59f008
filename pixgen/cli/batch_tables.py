"""What `pixgen batch` prints about a list: its state, what would be drawn, what failed, and how far pictures came."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixgen.cli.console import result, result_json, say
from pixgen.io.terminal import visible

if TYPE_CHECKING:
    from pixgen.batch.job import Job


def status(folder: Path, as_json: bool) -> int:
    from pixgen.batch.manifest import Manifest

    with Manifest(folder, readonly=True) as manifest:
        counts = manifest.counts()
        if as_json:
            failed = [
                {"file": record.file, "prompt": record.prompt, "reason": record.error}
                for record in manifest.records("failed")
            ]
            told = {"folder": str(folder), **counts, "choice": manifest.fact("choice"), "failures": failed}
            result_json(told)
        else:
            result(counts_line(counts))
    if counts["failed"] and not as_json:
        failures(folder)
    return 0


def counts_line(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "nothing listed"


def _time(seconds: float) -> str:
    unit, size = ("h", 3600) if seconds >= 7200 else ("min", 60) if seconds >= 120 else ("s", 1)
    return f"{seconds / size:.{int(unit == 'h')}f} {unit}"


def dry_run(
    folder: Path,
    wanted_jobs: Iterator[Job],
    scores: list[str],
    plugins: tuple[str, ...],
    retry_failed: bool,
    as_json: bool,
) -> int:
    from pixgen.batch import run
    from pixgen.batch.local import Local
    from pixgen.batch.tuning import expected_seconds
    from pixgen.batch.worker import Failed

    first: Job | None = None
    made = known = failed = steps = 0
    for job, state, twice in run.known_states(folder, wanted_jobs):
        if twice or state == "done":
            known += 1
            continue
        if state == "failed" and not retry_failed:
            failed += 1
            continue
        made, steps, first = made + 1, steps + job.settings.config.steps, first or job
        axes = "".join(f"  {axis}={value}" for axis, value in job.axes.items())
        record: dict[str, Any] = {"prompt": job.prompt, "template": job.template, "seed": job.seed, "name": job.name}
        record |= {"axes": dict(job.axes), "key": job.key, "steps": job.settings.config.steps}
        result_json(record) if as_json else result(f"{job.prompt}  seed {job.seed}{axes}")
    left_out = f"; {failed} failed (--retry-failed retries them)" if failed else ""
    to_draw = f"{made} picture{'s' * (made != 1)} to draw, {steps:,} steps in all"
    say(f"{to_draw}; {known} are done or duplicates{left_out}")
    if first is not None:
        found = Local(scores, plugins).measured_step(first.config())
        if isinstance(found, Failed):
            say(f"no estimate: the first picture failed ({found.reason})")
        else:
            each = expected_seconds(found, first.settings.config.steps)
            seconds = each * steps / first.settings.config.steps
            say(f"about {_time(seconds)} in sequence: {found.step:.2f} s a step, measured")
    return 0


def failures(folder: Path) -> int:
    """The table of failures, on standard error; 1."""
    from rich.console import Console
    from rich.table import Table

    from pixgen.batch import run

    table = Table(title="failed", title_justify="left")
    for heading in ("prompt", "seed", "attempts", "reason"):
        table.add_column(heading, overflow="fold")
    found = list(itertools.islice(run.failures(folder), 101))
    for record in found[:100]:
        table.add_row(*(_plain(text) for text in (record.prompt, record.seed, record.attempts, record.error)))
    Console(stderr=True).print(table)
    if len(found) > 100:
        say("more failed; --status --json lists all")
    say("retry them with --retry-failed")
    return 1


def progress(folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from pixgen.batch.manifest import Manifest

    table = Table(title="progress of each picture", title_justify="left")
    for heading in ("prompt", "seed", "steps", "of", "score"):
        table.add_column(heading, overflow="fold")
    with Manifest(folder, readonly=True) as manifest:
        for record in itertools.islice(manifest.records(), 200):
            score = "" if record.rank is None else f"{record.rank:.4f}"
            table.add_row(*(_plain(text) for text in (record.prompt, record.seed, record.steps, record.planned, score)))
    Console(stderr=True).print(table)


def _plain(text: object) -> Any:
    from rich.text import Text

    shown = visible(text)
    return Text(shown if len(shown) <= 200 else shown[:199] + "…")
