"""`pixgen batch LIST -o DIR`: draws a list of pictures; run again, it resumes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixgen.cli import batch_tables, flags, options
from pixgen.cli.console import result, say
from pixgen.errors import UsageError
from pixgen.io import files, interrupts, paths

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


@click.command(epilog=EPILOG)
@click.argument("list_file", metavar="LIST", required=False)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", metavar="DIR", required=True, help="Folder for the pictures and their manifest.")
@click.option(
    "--format", "kind", metavar="txt|csv|jsonl|yaml", show_default="its suffix; - is txt", help="Format of LIST."
)
@click.option("--grid", metavar="KEY=A,B,C", multiple=True, help="Draw every row with each value; repeat to multiply.")
@click.option("--seeds", metavar="1..8", help="Draw every row with each of these seeds.")
@click.option(
    "--seed",
    metavar="N",
    type=options.WholeRange(0),
    default=0,
    show_default=True,
    help="Base seed for rows that do not set their own.",
)
@click.option("--combinations", is_flag=True, help="Expand {a|b} and __file__ to every combination, not one of them.")
@click.option(
    "--wildcards",
    metavar="DIR",
    show_default="LIST's folder, and wildcards/",
    help="Folder with file.txt for __file__.",
)
@click.option(
    "--allow-folder",
    "folders",
    metavar="DIR",
    multiple=True,
    show_default="LIST's and the current one",
    help="Let rows name files in this folder too; may be repeated.",
)
@options.size
@options.steps()
@options.config_layers
@click.option("--scores", metavar="A,B", show_default="all", help="Scores to compute for each picture, or none.")
@click.option("--by", metavar="HH:MM", help="Finish by this time: all as drafts first, then the worst in full.")
@click.option("--budget", metavar="8h", help="The same with a duration: 8h, 90m, 1h30m.")
@click.option("--workers", metavar="N", type=options.WholeRange(1), show_default="measured", help="Worker processes.")
@click.option(
    "--threads", metavar="N", type=options.WholeRange(1), show_default="measured", help="Threads of each worker."
)
@click.option(
    "--group",
    "batch",
    metavar="N",
    type=options.WholeRange(1),
    show_default="measured",
    help="Pictures optimised together.",
)
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="This machine, or a Ray cluster.")
@click.option("--ray-address", metavar="HOST:PORT", show_default="a new one, here", help="A running Ray cluster.")
@click.option("--retry-failed", is_flag=True, help="Retry the pictures that failed.")
@click.option("--dry-run", is_flag=True, help="Print what would be drawn and for how long; draw nothing.")
@click.option("--status", is_flag=True, help="Print the state of DIR; draw nothing.")
@click.option("--yes", is_flag=True, help="Allow lists that expand to more than 10,000 pictures.")
@options.allow_large
@click.option("--no-sheet", is_flag=True, help="Write no contact sheet and no index.html.")
@options.as_json
@options.quiet
@options.debug
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
    folders: tuple[str, ...],
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
    allow_large: bool,
    no_sheet: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Draw every row of LIST (.txt, .csv, .jsonl, .yaml, a manifest, a picture, or - for standard input) into DIR.

    The same command again draws only what is missing. Ctrl-C stops after the pictures in progress, a second one at
    once. A row may set its own name, preset, seed, size and any other setting.
    """
    folder = paths.written(output)
    if status:
        return batch_tables.status(folder, as_json)
    if list_file is None:
        raise UsageError("which list? pixgen batch prompts.txt -o DIR; - reads standard input")
    if ray_address and engine != "ray":
        raise UsageError("--ray-address is for --engine ray")
    from pixgen.batch.schedule import deadline

    until = deadline(by, budget)
    for word in settings:
        if "=" not in word:
            raise UsageError(f"{word!r} is not KEY=VALUE")

    from pixgen.batch import lists
    from pixgen.batch.plan import Plan, parse_grid, parse_seeds
    from pixgen.batch.tuning import TuningOptions
    from pixgen.prompts.wildcards import Wildcards

    # Seen from the list, for that is where people put them.
    beside = Path() if list_file == "-" else Path(list_file).parent
    plan = Plan(
        presets=presets,
        config_file=config_file,
        layers=flags.layers(settings, flags.settings(size=size, steps=steps, device=device, model=model), plugins),
        grid=parse_grid(grid),
        seeds=parse_seeds(seeds) if seeds else (),
        seed=seed,
        combinations=combinations,
        wildcards=Wildcards([Path(wildcards)] if wildcards else [beside, beside / "wildcards"]),
        allow_many=yes,
        folders=[beside, *([] if beside == Path() else [Path()]), *(Path(each).expanduser() for each in folders)],
        allow_large=allow_large,
    )
    wanted_jobs = plan.expand(lists.require_rows(lists.read(list_file, kind), list_file))
    taken = _scores(scores)
    files.require_folder(folder)
    if dry_run:
        return batch_tables.dry_run(folder, wanted_jobs, taken, plugins, retry_failed, as_json)

    def made() -> BatchEngine:
        if engine == "ray":
            from pixgen.batch.ray_engine import Cluster

            return Cluster(ray_address, taken, plugins)
        from pixgen.batch.local import Local

        return Local(taken, plugins)

    return _draw(
        folder, wanted_jobs, made, TuningOptions(workers, threads, batch), until, retry_failed, allow_large, no_sheet,
        as_json, quiet,
    )  # fmt: skip


def _draw(
    folder: Path,
    wanted_jobs: Iterator[Job],
    engine: Any,
    tuning_options: Any,
    until: float | None,
    retry_failed: bool,
    allow_large: bool,
    no_sheet: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    from pixgen.batch import run
    from pixgen.batch.driver import Stop
    from pixgen.cli.batch_progress import ListBars

    def drawn(record: Record, picture: Picture, seconds: float) -> None:
        if as_json:
            result(run.json_line(record, picture, folder, seconds))
        elif record.state == "pending":  # a draft's path is known already
            result(folder / record.file)

    def begin(overview: Overview) -> None:
        if overview.changes.duplicates:
            say(f"{overview.changes.duplicates} rows repeat another row, seed and all; each picture is drawn once")
        bars.begin(overview)

    def ask() -> None:
        stop.asked = True
        say("stopping after the pictures in progress; Ctrl-C again stops at once")

    stop = Stop()
    began = time.monotonic()
    with ListBars(quiet, drawn) as bars, interrupts.asking(ask) as request:
        counts = run.draw(
            *(folder, wanted_jobs, engine, bars),
            tuning_options=tuning_options,
            deadline=until,
            retry_failed=retry_failed,
            stop=stop,
            allow_large=allow_large,
            on_start=begin,
        )
    if request:
        say(f"stopped: {counts['done']} done, {counts['pending'] + counts['draft']} left; the same command resumes")
        return request.exit_code
    if not quiet:
        say(batch_tables.counts_line(counts) + f", in {time.monotonic() - began:.0f} s")
        if until is not None:
            batch_tables.progress(folder)
    if not no_sheet and counts["done"] + counts["draft"]:
        from pixgen.batch.page import write_page
        from pixgen.batch.sheet import write_sheets

        for path in [*write_sheets(folder), *write_page(folder)]:
            if not quiet:
                say(f"wrote {path}")
    return batch_tables.failures(folder) if counts["failed"] else 0


def _scores(text: str | None) -> list[str]:
    from pixgen import registry

    if text is None:
        return registry.names("score")
    chosen = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    for name in chosen:
        registry.get("score", name)
    return chosen
