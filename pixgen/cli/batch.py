"""`pixgen batch LIST -o DIR`: draws a list of pictures, and goes on where it was when it is called again."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen.cli.console import INTERRUPTED, say
from pixgen.errors import UsageError
from pixgen.io import files, interrupts

if TYPE_CHECKING:
    from pixgen.batch.job import Job
    from pixgen.batch.records import Record
    from pixgen.batch.run import BatchEngine, Overview
    from pixgen.batch.worker import Picture

EPILOG = """\b
Examples:
  pixgen batch prompts.txt -o outputs/run1
  pixgen batch prompts.txt -o outputs/grid --grid steps=60,120 --seeds 1..2
  pixgen batch prompts.txt -o outputs/run1 --status
  pixgen batch prompts.txt -o outputs/night --by 07:00
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, epilog=EPILOG)
@click.argument("list_file", metavar="LIST", required=False)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", metavar="DIR", required=True, help="The folder of the pictures and their manifest.")
@click.option("--format", "kind", metavar="txt|csv|jsonl|yaml", help="What LIST is.  [default: by its name; - is txt]")
@click.option("--grid", metavar="KEY=A,B,C", multiple=True, help="Draw every row with each value; several multiply.")
@click.option("--seeds", metavar="1..8", help="Draw every row with each seed.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(0), default=0, help="Makes the seeds of rows without one.  [0]"
)
@click.option("--combinations", is_flag=True, help="All that {a|b} and __file__ can become, not one of them.")
@click.option(
    "--wildcards", metavar="DIR", help="Where __file__ is file.txt.  [default: LIST's folder, and wildcards/]"
)
@click.option("--size", metavar="WIDTHxHEIGHT", help="In pixels.")
@click.option("--steps", metavar="N", type=click.IntRange(1), help="Steps of each picture.")
@click.option("-p", "--preset", "presets", metavar="NAME", multiple=True, help="A named look; several are merged.")
@click.option("--model", metavar="PAIR", help="Models to draw with: a folder of `pixgen train`, or a name.")
@click.option("--config", "config_file", metavar="FILE", type=click.Path(), help="A YAML file of settings.")
@click.option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")
@click.option("--plugin", "plugins", metavar="FILE.py", multiple=True, help="Run this file and use its plugins.")
@click.option("--scores", metavar="A,B", help="Scores to take of each picture, or none.  [default: all there are]")
@click.option("--by", metavar="HH:MM", help="Be done by then: drafts of all first, then the worst in full.")
@click.option("--budget", metavar="8h", help="The same with a duration: 8h, 90m, 1h30m.")
@click.option(
    "--workers", metavar="N", type=click.IntRange(1), help="Pictures drawn side by side.  [default: measured]"
)
@click.option("--threads", metavar="N", type=click.IntRange(1), help="Processor cores for each.  [default: measured]")
@click.option(
    "--group", "batch", metavar="N", type=click.IntRange(1), help="Pictures in one batch.  [default: measured]"
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="ray draws on a cluster.")
@click.option("--ray-address", metavar="HOST:PORT", help="A running cluster.  [default: a new one on this machine]")
@click.option("--retry-failed", is_flag=True, help="Try once more what failed.")
@click.option("--dry-run", is_flag=True, help="Say what would be made and how long it would take; draw nothing.")
@click.option("--status", is_flag=True, help="Say how far DIR is; draw nothing.")
@click.option("--yes", is_flag=True, help="Mean a grid of more than 10,000 pictures.")
@click.option("--no-sheet", is_flag=True, help="Make no contact sheet and no index.html at the end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON record a picture on standard output.")
@click.option("--quiet", is_flag=True, help="Say nothing but warnings and errors.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def batch(
    list_file: str | None,
    settings: tuple[str, ...],
    output: str,
    kind: str | None,
    grid: tuple[str, ...],
    seeds: str | None,
    seed: int,
    combinations: bool,
    wildcards: str | None,
    size: str | None,
    steps: int | None,
    presets: tuple[str, ...],
    model: str | None,
    config_file: str | None,
    device: str | None,
    plugins: tuple[str, ...],
    scores: str | None,
    by: str | None,
    budget: str | None,
    workers: int | None,
    threads: int | None,
    batch: int | None,
    engine: str,
    ray_address: str | None,
    retry_failed: bool,
    dry_run: bool,
    status: bool,
    yes: bool,
    no_sheet: bool,
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> int:
    """Draw every row of LIST (.txt, .csv, .jsonl, .yaml, a manifest, a picture, or - for standard input) into DIR.

    The same command again draws only what is missing. Ctrl-C stops after the pictures that are being drawn, a second
    one at once. A row may set its own name, preset, seed, size and any other setting.
    """
    folder = Path(output).expanduser()
    if status:
        return _status(folder, as_json)
    if list_file is None:
        raise UsageError("which list? pixgen batch prompts.txt -o DIR; - reads standard input")
    if ray_address and engine != "ray":
        raise UsageError("--ray-address is for --engine ray")
    from pixgen.batch.schedule import deadline

    until = deadline(by, budget)
    for word in settings:
        if "=" not in word:
            raise UsageError(f"{word!r} is no KEY=VALUE")

    from pixgen.batch import lists
    from pixgen.batch.plan import Plan, parse_grid, parse_seeds
    from pixgen.batch.tuning import TuningOptions
    from pixgen.prompts.wildcards import Wildcards

    # Seen from the list, for that is where people put them.
    beside = Path() if list_file == "-" else Path(list_file).parent
    plan = Plan(
        presets=presets,
        config_file=config_file,
        layers=_layers({"size": size, "steps": steps, "device": device}, settings, plugins, model),
        grid=parse_grid(grid),
        seeds=parse_seeds(seeds) if seeds else (),
        seed=seed,
        combinations=combinations,
        wildcards=Wildcards([Path(wildcards)] if wildcards else [beside, beside / "wildcards"]),
        allow_many=yes,
    )
    wanted_jobs = plan.expand(lists.require_rows(lists.read(list_file, kind), list_file))
    taken = _scores(scores)
    files.require_folder(folder)
    if dry_run:
        return _dry_run(folder, wanted_jobs, taken, plugins, retry_failed, as_json)

    def made() -> BatchEngine:
        if engine == "ray":
            from pixgen.batch.ray_engine import Cluster

            return Cluster(ray_address, taken, plugins)
        from pixgen.batch.local import Local

        return Local(taken, plugins)

    return _draw(
        folder, wanted_jobs, made, TuningOptions(workers, threads, batch), until, retry_failed, no_sheet, as_json, quiet
    )


def _draw(
    folder: Path,
    wanted_jobs: Iterator[Job],
    engine: Any,
    tuning_options: Any,
    until: float | None,
    retry_failed: bool,
    no_sheet: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    from pixgen.batch import run
    from pixgen.batch.driver import Stop
    from pixgen.cli.batch_progress import ListBars

    def result(record: Record, picture: Picture, seconds: float) -> None:
        if as_json:
            click.echo(run.json_line(record, picture, folder, seconds))
        elif record.state == "pending":  # a draft's path is known already
            click.echo(folder / record.file)

    def begin(overview: Overview) -> None:
        if overview.changes.duplicates:
            say(f"{overview.changes.duplicates} rows repeat another row, seed and all; each picture is drawn once")
        bars.begin(overview)

    def ask() -> None:
        stop.asked = True
        say("stopping after the pictures that are being drawn; Ctrl-C again stops at once")

    stop = Stop()
    began = time.monotonic()
    with ListBars(quiet, result) as bars, interrupts.asking(ask):
        counts = run.draw(
            *(folder, wanted_jobs, engine, bars),
            tuning_options=tuning_options,
            deadline=until,
            retry_failed=retry_failed,
            stop=stop,
            on_start=begin,
        )
    if stop.asked:
        say(f"stopped: {counts['done']} done, {counts['pending'] + counts['draft']} left; the same command goes on")
        return INTERRUPTED
    if not quiet:
        say(_told(counts) + f", in {time.monotonic() - began:.0f} s")
        if until is not None:
            _how_far(folder)
    if not no_sheet and counts["done"] + counts["draft"]:
        from pixgen.batch.page import write_page
        from pixgen.batch.sheet import write_sheets

        for path in [*write_sheets(folder), *write_page(folder)]:
            if not quiet:
                say(f"wrote {path}")
    return _failures(folder) if counts["failed"] else 0


def _layers(
    flags: dict[str, Any], settings: tuple[str, ...], plugins: tuple[str, ...], model: str | None = None
) -> list[Any]:
    from pixgen import registry
    from pixgen.io.yaml_files import Layer
    from pixgen.settings.layers import parse_assignments

    for file in plugins:
        registry.load_file(file)
    layers = [Layer({name: value}, f"--{name}") for name, value in flags.items() if value is not None]
    if model is not None:
        from pixgen.settings import model_pair

        layers.append(Layer(model_pair.settings(model), "--model"))
    return [*layers, *parse_assignments(settings)]


def _scores(text: str | None) -> list[str]:
    from pixgen import registry

    if text is None:
        return registry.names("score")
    chosen = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    for name in chosen:
        registry.get("score", name)
    return chosen


def _status(folder: Path, as_json: bool) -> int:
    from pixgen.batch.manifest import Manifest

    with Manifest(folder, readonly=True) as manifest:
        counts = manifest.counts()
        if as_json:
            failures = [
                {"file": record.file, "prompt": record.prompt, "reason": record.error}
                for record in manifest.records("failed")
            ]
            told = {"folder": str(folder), **counts, "choice": manifest.fact("choice"), "failures": failures}
            click.echo(json.dumps(told))
        else:
            click.echo(_told(counts))
    if counts["failed"] and not as_json:
        _failures(folder)
    return 0


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "nothing listed"


def _time(seconds: float) -> str:
    unit, size = ("h", 3600) if seconds >= 7200 else ("min", 60) if seconds >= 120 else ("s", 1)
    return f"{seconds / size:.{int(unit == 'h')}f} {unit}"


def _dry_run(
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
        click.echo(json.dumps(record) if as_json else f"{job.prompt}  seed {job.seed}{axes}")
    left_out = f"; {failed} failed, and --retry-failed tries them once more" if failed else ""
    to_draw = f"{made} picture{'s' * (made != 1)} to draw, {steps:,} steps in all"
    say(f"{to_draw}; {known} are done or in the list twice{left_out}")
    if first is not None:
        found = Local(scores, plugins).measured_step(first.config())
        if isinstance(found, Failed):
            say(f"no estimate: the first picture fails ({found.reason})")
        else:
            each = expected_seconds(found, first.settings.config.steps)
            seconds = each * steps / first.settings.config.steps
            say(f"about {_time(seconds)} one after another: {found.step:.2f} s a step, measured")
    return 0


def _failures(folder: Path) -> int:
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
        say("more failed; --status --json and the manifest have all")
    say("--retry-failed tries them once more")
    return 1


def _how_far(folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from pixgen.batch.manifest import Manifest

    table = Table(title="how far each came", title_justify="left")
    for heading in ("prompt", "seed", "steps", "of", "score"):
        table.add_column(heading, overflow="fold")
    with Manifest(folder, readonly=True) as manifest:
        for record in itertools.islice(manifest.records(), 200):
            score = "" if record.rank is None else f"{record.rank:.4f}"
            table.add_row(*(_plain(text) for text in (record.prompt, record.seed, record.steps, record.planned, score)))
    Console(stderr=True).print(table)


def _plain(text: object) -> Any:
    from rich.text import Text

    shown = str(text)
    return Text(shown if len(shown) <= 200 else shown[:199] + "…")
