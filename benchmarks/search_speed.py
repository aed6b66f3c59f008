"""How long a search takes among so many pictures, once they are indexed: synthetic embeddings, the real code.

    python benchmarks/search_speed.py
    python benchmarks/search_speed.py --pictures 100000,1000000 --dimensions 192,512,1024

Start-up, the text's encoding and reading the index are left out; the last is printed beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from first_light import machine
from safetensors.torch import load_file, save_file

from pixgen.recognition.search import TOP, nearest

RUNS = 20


def measure(pictures: int, dimension: int) -> tuple[float, float, float]:
    """Seconds of a search, the median and the slowest of RUNS; seconds to read the embeddings from the disk."""
    rng = torch.Generator().manual_seed(0)
    embeddings = F.normalize(torch.randn(pictures, dimension, generator=rng), dim=1)
    rows, seconds = torch.arange(pictures), []
    for _ in range(RUNS):
        query = F.normalize(torch.randn(dimension, generator=rng), dim=0)
        began = time.perf_counter()
        nearest(embeddings, rows, query, TOP)
        seconds.append(time.perf_counter() - began)
    with tempfile.TemporaryDirectory() as folder:
        save_file({"embeddings": embeddings}, Path(folder, "index.safetensors"))
        began = time.perf_counter()
        load_file(Path(folder, "index.safetensors"))["embeddings"].sum()
        reading = time.perf_counter() - began
    return sorted(seconds)[RUNS // 2], max(seconds), reading


def main() -> None:
    parser = argparse.ArgumentParser(description="Time searches among synthetic embeddings.")
    parser.add_argument("--pictures", default="10000,100000")
    parser.add_argument("--dimensions", default="192,512,1024", help="192 is pixgen-tiny's, 512 ViT-B/32's")
    options = parser.parse_args()
    print(machine(), f"{torch.get_num_threads()} threads")
    print("| pictures | dimensions | search, median | slowest of 20 | reading the index |\n|---|---|---|---|---|")
    for pictures in map(int, options.pictures.split(",")):
        for dimension in map(int, options.dimensions.split(",")):
            median, most, reading = measure(pictures, dimension)
            print(f"| {pictures:,} | {dimension} | {median * 1e3:.1f} ms | {most * 1e3:.1f} ms | {reading:.2f} s |")


if __name__ == "__main__":
    main()
