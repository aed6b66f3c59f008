"""Measure everything that was trained: each figure with its interval, as JSON and as a markdown table.

    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN                      # the networks themselves
    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN --what prompts --method loop,dalle1 --start bank,random
    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN --card               # rows of all that was measured

The first takes minutes; prompts draw for hours, a picture a file: a second call resumes where the first was stopped.
The validation judge is for tuning, the final one for the model card alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch

from pixgen.backend import hardware
from pixgen.errors import PixgenError, UsageError
from pixgen.evaluation import drawing, embeddings, networks, people, prompt_lists
from pixgen.evaluation.statistics import Figure, load_figures, save_figures, table
from pixgen.io import resources, shell, terminal
from pixgen.networks import pair, vqgan
from pixgen.networks.pair import load_perceptor
from pixgen.training import judge
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import BaseOptions, Cache, Option, command_line, parse

EMBEDDED_FOLDER = resources.embedded()
NAMES = ("perceptor", "people", "vqgan", "judge", "tokens", "prior", "variations", "prompts")
"""What can be measured."""


@dataclass(frozen=True, kw_only=True)
class Options(BaseOptions):
    """Of a measurement."""

    what: Annotated[str, Option(f"What to measure: all, or some of {', '.join(NAMES)}.", "NAMES")] = (
        "perceptor,vqgan,judge"
    )
    cache: Cache
    folder: Annotated[Path, Option("Folder of the pair that is measured.", "FOLDER")] = EMBEDDED_FOLDER
    out: Annotated[Path, Option("Folder of the figures and the drawn pictures.", "FOLDER")]
    pictures: Annotated[int, Option("Scenes that a measure is taken of.", minimum=1, toy=128, counts=True)] = 512
    prompts: Annotated[int, Option("The list of prompts: 96 to tune by, 200 for the card.", "96|200")] = 96
    limit: Annotated[int, Option("Only so many prompts, of all kinds; 0 for all.", minimum=0)] = 0
    method: Annotated[str, Option("Some of loop, dalle1, dalle2.", "NAMES")] = "loop"
    start: Annotated[str, Option("The loop's starts: some of bank, random, dalle1, dalle2.", "NAMES")] = "random"
    size: Annotated[str, Option("Of the drawn pictures.", "WxH")] = "128x128"
    steps: Annotated[int, Option("Of the loop, in variations and edits, at 128x128.", minimum=0)] = 0
    set: Annotated[tuple[str, ...], Option("A setting of drawing; may be given several times.", "KEY=VALUE")] = ()
    judge: Annotated[str, Option("validation, or the path of another judge's weights.", "NAME|FILE")] = "validation"
    no_drawing: Annotated[bool, Option("Judge what was drawn, draw nothing.")] = False
    threads: Annotated[int, Option("Processor cores; 0 leaves the number to torch.", minimum=0)] = 0
    card: Annotated[bool, Option("Print the rows of all that was measured into --out.")] = False
    attack: networks.Attack = field(default_factory=networks.Attack)


def judge_of(options: Options) -> tuple[judge.Judge, list[str]]:
    """The judge to measure with: the validation judge lies next to the pair, another one is given by its path."""
    if options.judge == "validation":
        return judge.load(options.folder / "judge.safetensors")
    return judge.load(Path(options.judge))


def of_perceptor(options: Options) -> list[Figure]:
    return networks.perceptor(options.folder / "perceptor.safetensors", options.cache, options.pictures, options.attack)


def of_people(options: Options) -> list[Figure]:
    return people.perceptor(options.folder / "perceptor.safetensors", options.pictures)


def of_vqgan(options: Options) -> list[Figure]:
    tiny = load_perceptor(options.folder / "perceptor.safetensors")
    model = vqgan.load(options.folder / "vqgan.safetensors")
    return networks.vqgan(model, tiny, options.cache, max(1, options.pictures // 16))


def of_judge(options: Options) -> list[Figure]:
    return networks.judge(judge_of(options)[0], options.cache, options.pictures)


def of_tokens(options: Options) -> list[Figure]:
    return embeddings.tokens(pair.load(options.folder), options.cache, options.pictures)


def of_prior(options: Options) -> list[Figure]:
    return embeddings.prior(pair.load(options.folder), options.cache, options.pictures)


def of_variations(options: Options) -> list[Figure]:
    known = pair.load(options.folder), judge_of(options)[0], options.cache
    pictures, steps = max(2, options.pictures // 16), options.steps
    return [*embeddings.variations(*known, pictures, steps), *embeddings.edits(*known, pictures, steps)]


def of_prompts(options: Options) -> list[Figure]:
    """Draw what is missing of every setup, then judge all pictures."""
    prompts = prompt_lists.mixed(prompt_lists.read(options.prompts))[: options.limit or None]
    model, groups = judge_of(options)
    pair_folder = "" if options.folder == EMBEDDED_FOLDER else str(options.folder)
    setups = [
        drawing.DrawingSetup(method, start, options.size, options.set, pair_folder)
        for method in options.method.split(",")
        for start in (options.start.split(",") if method == "loop" else ("",))
    ]
    run = options.out / f"prompts{options.prompts}"
    scenes = Scenes(options.cache, 1, 64, networks.SEED, prompt_lists.GROUPS, noise=0.02)
    true = drawing.figures("true scenes", drawing.true_verdicts(model, groups, prompts, scenes))
    if not options.no_drawing:
        for setup in setups:
            drawing.draw(setup, prompts, run, lambda line: terminal.write(line, sys.stderr))
    found = [figure for figure in true if figure.n]
    for setup in setups:
        after = drawing.verdicts_on(model, groups, prompts, run / setup.name, ".png")
        drawn = drawing.figures(setup.name, after)
        found += [figure for figure in drawn if figure.n]
        found += drawing.relative_to(drawn[:2], true[:2])
        if setup.method == "loop":
            before = drawing.verdicts_on(model, groups, prompts, run / setup.name, ".start.png")
            found += drawing.gain(setup.name, before, after)
    return found


MEASURES: dict[str, Callable[[Options], list[Figure]]] = {
    "perceptor": of_perceptor,
    "people": of_people,
    "vqgan": of_vqgan,
    "judge": of_judge,
    "tokens": of_tokens,
    "prior": of_prior,
    "variations": of_variations,
    "prompts": of_prompts,
}


def card(out: Path) -> str:
    """All that was measured into `out`, as a markdown table; every row names its command.

    Raises UsageError where nothing was.
    """
    paths = sorted(out.glob("figures-*.json"))
    if not paths:
        command = shell.command("train evaluate", [], ["--out", str(out)])
        raise UsageError(f"nothing was measured into {out} yet; run `{command}` first")
    rows = [table(figures, command) for command, figures in (load_figures(path) for path in paths)]
    return "| measure | figure (95 % interval) | n | command |\n|---|---|---|---|\n" + "".join(rows)


def main(options: Options) -> None:
    """Measure, print the figures and keep them in `options.out`.

    Raises UsageError for a name that cannot be measured, PixgenError where a network is not there.
    """
    if options.card:
        terminal.write_lines(card(options.out))
        return
    if options.threads:
        torch.set_num_threads(hardware.threads(options.threads))
    names = list(MEASURES) if options.what == "all" else options.what.split(",")
    if unknown := [name for name in names if name not in MEASURES]:
        raise UsageError(f"--what {unknown[0]} is unknown; there are all, {', '.join(MEASURES)}")
    if options.judge == "final":
        raise UsageError("the final judge is not shipped; give --judge the path of its judge.safetensors")
    failed = []
    for name in names:
        try:
            figures = MEASURES[name](options)
        except PixgenError as error:  # a network that is not there yet does not hold up the others
            failed.append(f"{name}: {error}")
            continue
        command = shell.command("train evaluate", [], ["--what", name, *command_line(options, ["what"])])
        suffix = f"{name}{options.prompts}" if name == "prompts" else name
        save_figures(options.out / f"figures-{suffix}.json", command, figures)
        terminal.write_lines(f"\n{name}\n\n| measure | figure (95 % interval) | n |\n|---|---|---|\n{table(figures)}")
    if failed:
        raise PixgenError("not measured: " + "; ".join(failed))


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
