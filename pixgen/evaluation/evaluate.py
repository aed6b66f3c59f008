"""Measure everything that was trained: each figure with its interval, as JSON and as a markdown table.

    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN                      # the networks themselves
    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN --what prompts --method loop,dalle1 --start bank,random
    python -m pixgen.evaluation.evaluate --cache CACHE --out RUN --card               # rows of all that was measured

The first takes minutes; prompts draw for hours, a picture a file: a second call goes on where the first was stopped.
The validation judge may be looked at while tuning, the final one serves the model card alone.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from pixgen import errors
from pixgen.errors import PixgenError, UsageError
from pixgen.evaluation import drawing, embeddings, networks, prompt_lists
from pixgen.evaluation.statistics import Figure, keep, kept, table
from pixgen.io import resources
from pixgen.networks import pair, vqgan
from pixgen.networks.pair import load_perceptor
from pixgen.training import judge
from pixgen.training.data.scenes import Scenes

QUICK = ("perceptor", "vqgan", "judge")
"""What is measured by default."""


def judge_of(options: argparse.Namespace) -> tuple[judge.Judge, list[str]]:
    """The judge that was asked for: the validation judge lies beside the pair, the final one is given by its path."""
    if options.judge == "validation":
        return judge.load(options.folder / "judge.safetensors")
    return judge.load(Path(options.judge))


def of_perceptor(options: argparse.Namespace) -> list[Figure]:
    return networks.perceptor(options.folder / "perceptor.safetensors", options.cache, options.pictures)


def of_vqgan(options: argparse.Namespace) -> list[Figure]:
    tiny = load_perceptor(options.folder / "perceptor.safetensors")
    model = vqgan.load(options.folder / "vqgan.safetensors")
    return networks.vqgan(model, tiny, options.cache, max(1, options.pictures // 16))


def of_judge(options: argparse.Namespace) -> list[Figure]:
    return networks.judge(judge_of(options)[0], options.cache, options.pictures)


def of_tokens(options: argparse.Namespace) -> list[Figure]:
    return embeddings.tokens(pair.load(options.folder), options.cache, options.pictures)


def of_prior(options: argparse.Namespace) -> list[Figure]:
    return embeddings.prior(pair.load(options.folder), options.cache, options.pictures)


def of_variations(options: argparse.Namespace) -> list[Figure]:
    known = pair.load(options.folder), judge_of(options)[0], options.cache, max(2, options.pictures // 16)
    return [*embeddings.variations(*known), *embeddings.edits(*known)]


def of_prompts(options: argparse.Namespace) -> list[Figure]:
    """Draw what is missing of every row, then judge all that is there."""
    asked = prompt_lists.mixed(prompt_lists.read(options.prompts))[: options.limit or None]
    model, groups = judge_of(options)
    own = "" if options.folder == resources.embedded() else str(options.folder)
    rows = [
        drawing.Row(method, start, options.size, tuple(options.set), own)
        for method in options.method.split(",")
        for start in (options.start.split(",") if method == "loop" else ("",))
    ]
    run = options.out / f"prompts{options.prompts}"
    scenes = Scenes(options.cache, 1, 64, networks.SEED, prompt_lists.GROUPS, noise=0.02)
    true = drawing.figures("true scenes", drawing.true_verdicts(model, groups, asked, scenes))
    if not options.no_drawing:
        for row in rows:
            drawing.draw(row, asked, run, lambda line: print(line, file=sys.stderr, flush=True))
    found = [figure for figure in true if figure.n]
    for row in rows:
        after = drawing.judged(model, groups, asked, run / row.name, ".png")
        mine = drawing.figures(row.name, after)
        found += [figure for figure in mine if figure.n]
        found += drawing.against(mine[:2], true[:2])
        if row.method == "loop":
            before = drawing.judged(model, groups, asked, run / row.name, ".start.png")
            found += drawing.gain(row.name, before, after)
    return found


WHAT: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "perceptor": of_perceptor,
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
        raise UsageError(f"nothing was measured into {out} yet; run `pixgen train evaluate --out {out}` first")
    rows = [table(figures, command) for command, figures in (kept(path) for path in paths)]
    return "| measure | figure (95 % interval) | n | command |\n|---|---|---|---|\n" + "".join(rows)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description="Measure the embedded models.")
    found.add_argument("--what", default=",".join(QUICK), help=f"all, or some of {','.join(WHAT)}")
    found.add_argument("--cache", type=Path, required=True, help="folder of the rasterised drawings")
    found.add_argument("--folder", type=Path, default=resources.embedded(), help="folder of the pair that is measured")
    found.add_argument("--out", type=Path, required=True, help="folder of the figures and the drawn pictures")
    found.add_argument("--pictures", type=int, default=512, help="scenes a measure is taken of")
    found.add_argument("--prompts", type=int, default=96, help="96 to tune by, 200 for the card")
    found.add_argument("--limit", type=int, default=0, help="only so many prompts, of all kinds")
    found.add_argument("--method", default="loop", help="some of loop,dalle1,dalle2")
    found.add_argument("--start", default="random", help="the loop's starts: some of bank,random,dalle1,dalle2")
    found.add_argument("--size", default="128x128", help="of the pictures")
    found.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of drawing")
    found.add_argument("--judge", default="validation", help="validation, or the path of another judge's weights")
    found.add_argument("--no-drawing", action="store_true", help="judge what was drawn, draw nothing")
    found.add_argument("--threads", type=int, default=0)
    found.add_argument("--card", action="store_true", help="print the rows of all that was measured into --out")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(given)
    if options.card:
        print(card(options.out), end="")
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    names = list(WHAT) if options.what == "all" else options.what.split(",")
    if unknown := [name for name in names if name not in WHAT]:
        raise UsageError(f"--what {unknown[0]} is unknown; there are all, {', '.join(WHAT)}")
    if options.judge == "final":
        raise UsageError("the final judge is not shipped; give --judge the path of its judge.safetensors")
    failed = []
    for name in names:
        try:
            figures = WHAT[name](options)
        except PixgenError as error:  # a network that is not there yet holds up no other
            failed.append(f"{name}: {error}")
            continue
        command = shlex.join(["pixgen", "train", "evaluate", "--what", name, *_without(given, "--what")])
        suffix = f"{name}{options.prompts}" if name == "prompts" else name
        keep(options.out / f"figures-{suffix}.json", command, figures)
        print(
            f"\n{name}\n\n| measure | figure (95 % interval) | n |\n|---|---|---|\n{table(figures)}", end="", flush=True
        )
    if failed:
        raise PixgenError("not measured: " + "; ".join(failed))


def _without(arguments: Sequence[str], option: str) -> list[str]:
    """The arguments without this option and its value."""
    kept_: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument == option:
            skip = True
        elif not argument.startswith(f"{option}="):
            kept_.append(argument)
    return kept_


if __name__ == "__main__":
    errors.run(main)
