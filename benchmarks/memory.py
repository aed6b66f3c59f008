"""Prints how much memory drawing takes, by size, cutouts and pair of models, chunked and not.

Each case is a process of its own that draws one step with random weights, for memory does not depend on them:

    python benchmarks/memory.py [--device cpu|cuda] [--sizes 256,512] [--cutouts 8,32] [--pairs embedded,true-size]
                                [--precision bfloat16] [--limit GB] [--seconds N] [--into FILE.jsonl] [--count]

On a CPU the figure is the process's peak, Python and torch included; on a GPU it is the peak of torch's tensors. With
--into each figure is kept as it comes, and the next call measures only what is not in the file. With --count nothing is
computed: the tensors' bytes are added up (count_memory.py), for cases that fit nowhere here.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
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


def draw(case: dict[str, Any], device: str, precision: str = "float32") -> int | None:
    """Draw one step of a case in this process; the GPU's peak in bytes, None on a CPU."""
    import torch

    from pixgen import registry
    from pixgen.io.yaml_files import Layer
    from pixgen.loop.build import Models, build
    from pixgen.settings.config import RenderConfig, resolve

    generator = registry.create("generator", {"type": "vqgan", "checkpointing": case["again"]})
    if case["pair"] == "embedded":
        perceptor = registry.create("perceptor", {"type": "tiny"})
    else:
        from pixgen.models import zoo
        from pixgen.networks.vqgan import VQModel

        generator.use(VQModel(zoo.get("vqgan-imagenet-f16-16384").architecture))
        perceptor = registry.create("perceptor", {"type": "open_clip", "checkpointing": case["again"]})
        perceptor.random(zoo.get("ViT-B/32").architecture)
    values = {"prompt": "a lighthouse", "seed": 0, "steps": 1, "size": str(case["size"]), "stages": [{"steps": 1.0}]}
    values |= {"cutouts": case["cutouts"], "chunk": case["chunk"], "threads": torch.get_num_threads()}
    values |= {"device": device, "precision": precision}
    config = resolve([Layer(values, "a case")], base=RenderConfig(starts=1, noise=0.0))
    models = Models()
    for kind, options, plugin in (
        ("generator", config.generator, generator),
        ("perceptor", config.perceptors["tiny"], perceptor),
    ):
        plugin.prepare(torch.device(device))
        models.put(kind, options, torch.device(device), plugin)
    for step in build(config, models=models):
        last = step
    last.images()
    return torch.cuda.max_memory_allocated() if device.startswith("cuda") else None


def measure(
    case: dict[str, Any],
    device: str,
    limit: float | None,
    seconds: float | None = None,
    precision: str = "float32",
) -> int | None:
    """The peak of a case in bytes, drawn in a process of its own; None where it went beyond the limit.

    Raises TimeoutError where it takes longer than `seconds`.
    """
    command = [sys.executable, __file__, "--one", json.dumps(case), "--device", device, "--precision", precision]
    if limit:
        command += ["--limit", str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        clock = threading.Timer(seconds or 1e6, stop)
        clock.start()
        out, err = child.stdout.read(), child.stderr.read()
        # wait4 and not wait: it gives this child's own peak memory.
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        clock.cancel()
    if late.is_set() and child.returncode == -signal.SIGKILL:
        raise TimeoutError
    if child.returncode:
        if any(sign in err for sign in ("MemoryError", "OutOfMemoryError", "not enough memory", "allocate memory")):
            return None
        raise SystemExit(err)
    return int(out) if out.strip() else usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def counted(case: dict[str, Any], precision: str = "float32") -> int:
    """The bytes of all tensors that a case holds at once, none of them computed."""
    from count_memory import count

    return count(lambda: draw(case, "cpu", precision))


def kept(path: Path | None) -> list[dict[str, Any]]:
    """The figures in a file of --into: a case with "peak" in bytes, None where it went beyond its "limit" or its time.

    Figures of another machine or another torch do not count.
    """
    if path is None or not path.is_file():
        return []
    return [row for row in map(json.loads, path.read_text().splitlines()) if row["machine"] == machine()]


def shown(row: dict[str, Any]) -> str:
    """A figure as it is printed."""
    if row["peak"]:
        return f"{row['peak'] / 2**20:,.0f} MiB"
    return f"> {row['limit']:g} GB" if row["why"] == "memory" else f"> {row['seconds']:g} s"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "bfloat16"), help="as on most GPUs: bfloat16"
    )
    parser.add_argument("--pairs", default=",".join(PAIRS))
    parser.add_argument("--sizes", default="256,512,768,1024")
    parser.add_argument("--cutouts", default="8,32,128")
    parser.add_argument("--limit", type=float, metavar="GB", help="end a case that needs more (Linux)")
    parser.add_argument("--seconds", type=float, metavar="N", help="end a case that takes longer")
    parser.add_argument("--into", type=Path, metavar="FILE.jsonl", help="keep each figure; go on where it was")
    parser.add_argument("--count", action="store_true", help="add up the tensors' bytes instead of drawing")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.one:
        if options.limit:
            import resource

            import kornia  # noqa: F401 (with torch: an import that runs out of memory ends in any error at all)

            resource.setrlimit(resource.RLIMIT_DATA, (int(options.limit * 2**30),) * 2)
        peak = draw(json.loads(options.one), options.device, options.precision)
        if peak is not None:
            print(peak)
        return
    print(f"{machine()}, on {options.device}, {options.precision}{', counted' if options.count else ''}")
    print(f"{'pair':<10} {'size':>5} {'cutouts':>8} {'way':<19} {'peak':>9}")
    sizes, cutouts = ([int(n) for n in text.split(",")] for text in (options.sizes, options.cutouts))
    about = {
        "device": "count" if options.count else options.device,
        "precision": options.precision,
        "limit": options.limit,
        "seconds": options.seconds,
        "machine": machine(),
    }
    had = kept(options.into)
    for case in cases(options.pairs.split(","), sizes, cutouts):
        same = case | {key: about[key] for key in ("device", "precision")}
        row = next((row for row in had if row | same == row), None)
        if row is None:
            try:
                if options.count:
                    peak: int | None = counted(case, options.precision)
                else:
                    peak = measure(case, options.device, options.limit, options.seconds, options.precision)
                row = {**case, **about, "peak": peak, "why": None if peak else "memory"}
            except TimeoutError:
                row = {**case, **about, "peak": None, "why": "time"}
            if options.into:
                with open(options.into, "a") as file:
                    file.write(json.dumps(row) + "\n")
        facts = f"{case['pair']:<10} {case['size']:>5} {case['cutouts']:>8} {case['way']:<19}"
        print(f"{facts} {shown(row):>9}", flush=True)


if __name__ == "__main__":
    main()
