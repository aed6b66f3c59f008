"""Train the VQGAN's decoder and the token decoder on one GPU, side by side, in a few minutes.

    python benchmarks/one_gpu.py OUT --drawings FOLDER --pair FOLDER --minutes 8 [--smoke]

FOLDER of --drawings holds the icon sets as `pixgen train data` fetches them. Everything counts: drawings are
rendered and scenes composed by all cores first, and both schedules follow the share of the time that is left. The
encoder and the codes stay what they are, so a bank and older tokens fit the new decoder. Weights, curves and sheets
are in OUT.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

from gpu_decoder import PARTS, UNSEEN, train_decoder
from gpu_scenes import EACH, compose_all, say
from gpu_tokens import train_tokens

from pixgen.training.data import drawings
from pixgen.training.data.scenes import Scenes

TOKEN_SCENES = 112_000
PORTRAITS = 0.3


def main() -> None:
    began = time.time()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--drawings", type=Path, required=True)
    parser.add_argument("--pair", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--lr", type=float, default=8e-4)
    parser.add_argument("--token-lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="every step once, with a few scenes")
    parser.add_argument("--cache", type=Path, help="sprites that are rendered already")
    parser.add_argument("--work", type=Path, default=Path("/dev/shm/pixgen"))
    parser.add_argument("--job", choices=("decoder", "tokens"), help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    share = 0.02 if options.smoke else 1.0
    options.counts = {
        name: max(2 * UNSEEN, int(share * count)) // EACH * EACH for name, (_, _, count, _) in PARTS.items()
    }
    options.steps = 60 if options.smoke else 10**9
    if options.smoke and options.device == "cpu":
        options.steps, options.counts = 7, dict.fromkeys(PARTS, 2 * UNSEEN)
    options.shrink = 1 if options.device == "cuda" else 16
    options.tell = 5 if options.smoke else 25
    options.out.mkdir(parents=True, exist_ok=True)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.job:
        return train_decoder(options) if options.job == "decoder" else train_tokens(options)
    until = began + 60 * options.minutes
    cores = os.cpu_count() or 1
    cache = options.cache or options.work / "cache"
    if not options.cache:
        drawings.rasterise(options.drawings, cache, processes=cores)
    Scenes(cache, 1, 128, 0, drawings.ALL_SUBJECTS)  # makes the small levels once
    say(f"drawings rendered, {time.time() - began:.0f} s")
    running = []

    def start(job: str) -> None:
        running.append(subprocess.Popen([sys.executable, *sys.argv, "--job", job, "--until", str(until - 25)]))

    os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        for name, (kind, side, _, portraits) in PARTS.items():
            compose_all(pool, cache, options.work / f"{name}.raw", kind, side, options.counts[name], portraits)
            say(f"{options.counts[name]} scenes of {name}, {time.time() - began:.0f} s")
        start("decoder")
        count = max(2 * UNSEEN, int(share * TOKEN_SCENES)) // EACH * EACH
        if options.steps == 7:
            count = 2 * UNSEEN
        said = compose_all(pool, cache, options.work / "tokens.raw", "tokens", 128, count, PORTRAITS)
        (options.work / "tokens.json").write_text(json.dumps(said))
        say(f"{len(said)} scenes for tokens, {time.time() - began:.0f} s")
        start("tokens")
    codes = [process.wait() for process in running]
    say(f"all done after {time.time() - began:.0f} s, exit codes {codes}")
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
