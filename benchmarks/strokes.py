"""How long the rasteriser of strokes and shapes takes, and a step of the loop with them: 256 strokes at 224x224.

    python benchmarks/strokes.py
    python benchmarks/strokes.py --numbers 64,256,1024 --runs 20 --threads 2

Wall-clock is the best of the runs, for others may use the machine; the processor's seconds are summed over threads.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from first_light import machine

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.loop.drawing import Drawing
from pixgen.settings import config as configs
from pixgen.settings.layers import gather
from pixgen.settings.layers import parse_assignments as parse

SIZE, CUTOUTS = (224, 224), 8


def best(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """The fewest seconds of the clock and of the processor in `runs`, after one to warm up."""
    work()
    found = []
    for _ in range(runs):
        began, spent = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - began, time.process_time() - spent))
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def rasterised(name: str, number: int, runs: int) -> tuple[float, float]:
    """Of decode and its gradient."""
    generator = registry.create("generator", {"type": name, "number": number})
    params = {key: value.requires_grad_() for key, value in generator.init(SIZE, Streams(0)).items()}
    return best(lambda: generator.decode(params).sum().backward(), runs)


def stepped(name: str, number: int, runs: int, threads: int) -> tuple[float, float]:
    """Of a step of the loop with CUTOUTS cutouts."""
    words = [
        *(f"generator.type={name}", f"generator.number={number}", f"size={SIZE[1]}x{SIZE[0]}", f"steps={runs + 1}"),
        *("start=random", "prompt=a red fox", "seed=0", f"cutouts={CUTOUTS}", f"threads={threads}"),
    ]
    layers = gather((), None, list(parse(words)))
    drawing = Drawing([configs.resolve_auto(configs.resolve(layers))])
    return best(lambda: next(drawing), runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", default="64,256,1024", help="of curves  [default: 64,256,1024]")
    parser.add_argument("--runs", type=int, default=10, help="of each  [default: 10]")
    parser.add_argument("--threads", type=int, default=2, help="[default: 2]")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{machine()}; {options.threads} threads, {SIZE[1]}x{SIZE[0]}, best of {options.runs}: clock / processor, s")
    for name in ("strokes", "shapes"):
        for number in map(int, options.numbers.split(",")):
            raster = rasterised(name, number, options.runs)
            step = stepped(name, number, options.runs, options.threads)
            print(
                f"{number:>5} {name}: rasteriser forward and backward {raster[0]:.3f} / {raster[1]:.3f}, "
                f"step with {CUTOUTS} cutouts {step[0]:.3f} / {step[1]:.3f}"
            )


if __name__ == "__main__":
    main()
