"""Prints what the default command costs: seconds to the first step, seconds a picture, peak memory.

Each run is a fresh process, timed from its start, as somebody who presses Enter would time it:

    python benchmarks/first_light.py [--runs 3] [ARGUMENTS OF pixgen ...]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROMPT = "a watercolor portrait of a teacher"


@dataclass(frozen=True)
class Run:
    """Seconds and bytes of one process."""

    first_step: float
    picture: float
    memory: int


def measure(arguments: list[str]) -> Run:
    """Draw one picture in a process of its own. Raises SystemExit where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pixgen", *arguments, "-o", str(Path(folder) / "picture.png")]
        began = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        first, said = None, []
        for line in child.stderr:
            said.append(line)
            if first is None and re.match(r"step \d+/", line):
                first = time.perf_counter() - began
        # wait4 and not wait: it gives this child's own peak memory.
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0 or first is None:
        raise SystemExit("".join(said) + f"pixgen ended with {child.returncode}, before its first step or after")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(first, seconds, usage.ru_maxrss * unit)


def machine() -> str:
    """One line: processor, cores at hand, torch, Python, system."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE)
        model = found[1] if found else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch = importlib.metadata.version("torch")
    return f"{model}, {cores} cores, torch {torch}, Python {platform.python_version()}, {platform.system()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    options, arguments = parser.parse_known_args()
    arguments = arguments or [PROMPT]
    print(machine())
    print("pixgen", *[repr(word) if " " in word else word for word in arguments])
    print(f"{'run':>4} {'first step':>11} {'picture':>9} {'peak memory':>12}")
    for number in range(1, options.runs + 1):
        run = measure(arguments)
        print(f"{number:>4} {run.first_step:>9.2f} s {run.picture:>7.2f} s {run.memory / 2**20:>8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
