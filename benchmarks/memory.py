"""Prints how much memory drawing takes, by size, cutouts and pair of models, chunked and not.

Each case is a process of its own that draws two steps with random weights, for memory does not depend on them:

    python benchmarks/memory.py [--device cpu|cuda] [--sizes 256,512] [--cutouts 8,32] [--pairs embedded,true-size]
                                [--limit GB]

On a CPU the figure is the process's peak, Python and torch included; on a GPU it is the peak of torch's tensors.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from first_light import machine

CHUNK = 16
PAIRS = {"embedded": "the pair that comes with pixgen", "true-size": "VQGAN f16-16384 and ViT-B/32"}


def cases(pairs: list[str], sizes: list[int], cutouts: list[int]) -> list[dict[str, Any]]:
    """What is measured: all cutouts at once, in chunks, and in chunks with activations computed a second time."""
    found = []
    for pair in pairs:
        for size in sizes:
            for count in cutouts:
                ways = [("at once", count, False), ("chunks", CHUNK, False), ("chunks, recomputed", CHUNK, True)]
                for way, chunk, again in ways:
                    if way != "chunks" or chunk < count:
                        case = {
                            "pair": pair,
                            "size": size,
                            "cutouts": count,
                            "chunk": min(chunk, count),
                            "again": again,
                        }
                        found.append(case | {"way": way})
    return found


def draw(case: dict[str, Any], device: str) -> int | None:
    """Draw two steps of a case in this process; the GPU's peak in bytes, None on a CPU."""
    import torch

    from pixgen import prompts, registry
    from pixgen.backward import Term
    from pixgen.engine import Engine, Scene, Stage
    from pixgen.frame import Session
    from pixgen.schedulers.base import schedule
    from pixgen.streams import Streams

    options = {"type": "vqgan", "checkpointing": case["again"]}
    generator = registry.create("generator", options)
    if case["pair"] == "embedded":
        perceptor = registry.create("perceptor", {"type": "tiny"})
    else:
        from pixgen.generators.vqgan_model import VQModel
        from pixgen.models import zoo

        generator.use(VQModel(zoo.get("vqgan-imagenet-f16-16384").architecture))
        perceptor = registry.create("perceptor", {"type": "open_clip", "checkpointing": case["again"]})
        perceptor.random(zoo.get("ViT-B/32").architecture)
    size = (case["size"], case["size"])
    session = Session(
        device=torch.device(device),
        size=size,
        generator=generator,
        perceptors={"clip": perceptor},
        prompts=[prompts.parse("a lighthouse")],
        streams=[Streams(0)],
        perceptor_weights={"clip": 1.0},
    )
    scene = Scene(
        session=session,
        stages=[Stage(2, size, case["cutouts"])],
        start=registry.create("start", {"type": "random"}),
        cutter=registry.create("cutter", {"type": "warp"}),
        terms={"clip": Term(registry.create("loss", {"type": "clip"}), schedule(1.0))},
        optimizer={"type": "Adam"},
        lr=schedule(0.1),
        noise=schedule(0.0),
        chunk=case["chunk"],
    )
    for step in Engine(scene):
        last = step
    last.images()
    return torch.cuda.max_memory_allocated() if device.startswith("cuda") else None


def measure(case: dict[str, Any], device: str, limit: float | None) -> int | None:
    """The peak of a case in bytes, drawn in a process of its own; None where it went beyond the limit."""
    command = [sys.executable, __file__, "--one", json.dumps(case), "--device", device]
    if limit:
        command += ["--limit", str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        out, err = child.stdout.read(), child.stderr.read()
        # wait4 and not wait: it gives this child's own peak memory.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        if any(sign in err for sign in ("MemoryError", "OutOfMemoryError", "not enough memory", "allocate memory")):
            return None
        raise SystemExit(err)
    return int(out) if out.strip() else usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pairs", default=",".join(PAIRS))
    parser.add_argument("--sizes", default="256,512,768,1024")
    parser.add_argument("--cutouts", default="8,32,128")
    parser.add_argument("--limit", type=float, metavar="GB", help="end a case that needs more (Linux)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        if options.limit:
            import resource

            import kornia  # noqa: F401 (with torch: an import that runs out of memory ends in any error at all)

            resource.setrlimit(resource.RLIMIT_DATA, (int(options.limit * 2**30),) * 2)
        peak = draw(json.loads(options.one), options.device)
        if peak is not None:
            print(peak)
        return
    print(f"{machine()}, on {options.device}")
    print(f"{'pair':<10} {'size':>5} {'cutouts':>8} {'way':<19} {'peak':>9}")
    sizes, cutouts = ([int(n) for n in text.split(",")] for text in (options.sizes, options.cutouts))
    for case in cases(options.pairs.split(","), sizes, cutouts):
        peak = measure(case, options.device, options.limit)
        shown = f"{peak / 2**20:,.0f} MiB" if peak else f"> {options.limit:g} GB"
        print(f"{case['pair']:<10} {case['size']:>5} {case['cutouts']:>8} {case['way']:<19} {shown:>9}", flush=True)


if __name__ == "__main__":
    main()
