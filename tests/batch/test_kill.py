"""kill -9 at any moment loses at most the picture in flight: twenty kills, then the same pictures, byte for byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from pixgen.batch.manifest import Manifest

from .conftest import WORDS, Lists

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")

KILLS = 20
JOBS = 40

# Draws the list undisturbed first, and then forks a process for each run, so that a start costs nothing and twenty
# fit into a test. Without GPUs, for torch forbids a fork once it has threads for them.
SCRIPT = """
import json, os, random, signal, sys, time
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import torch
torch.set_num_threads(1)
from pixgen.cli.main import run

undisturbed, killed, kills = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
null = os.open(os.devnull, os.O_WRONLY)
told = os.fdopen(os.dup(1), "w")
os.dup2(null, 1)

def start():
    child = os.fork()
    if child == 0:
        os._exit(run(killed))
    return child

began = time.monotonic()
assert run(undisturbed) == 0
whole = time.monotonic() - began
dice = random.Random(0)
for kill in range(kills):
    child = start()
    time.sleep(dice.uniform(0, 2 * whole / kills))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(json.dumps({"killed": os.WIFSIGNALED(status)}), file=told, flush=True)
    sys.stdin.readline()  # the test looks at what is there
_, status = os.waitpid(start(), 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def arguments(lists: Lists, out: Path, *more: str) -> list[str]:
    (lists.folder / "list.txt").write_text("".join(f"a {{red|blue}} fox, number {i}\n" for i in range(JOBS)))
    plugin = ["--plugin", str(lists.plugin), "--no-sheet", "--quiet"]
    return ["batch", str(lists.folder / "list.txt"), "-o", str(out), *plugin, *WORDS, *more]


@pytest.mark.slow
def test_twenty_kills_and_the_same_pictures(lists: Lists) -> None:
    undisturbed = lists.folder / "undisturbed"
    words = [json.dumps(arguments(lists, out, "steps=4")) for out in (undisturbed, lists.out)]
    script = lists.folder / "kills.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), *words, str(KILLS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killer:
        assert killer.stdin is not None and killer.stdout is not None
        done, killed = [0], 0
        for line in killer.stdout:
            killed += json.loads(line)["killed"]
            done.append(_whole(lists.out))
            killer.stdin.write("\n")
            killer.stdin.flush()
    assert killer.returncode == 0 and len(done) == KILLS + 1
    # Most kills found it at work, and none undid what was done.
    assert killed >= KILLS // 2 and sorted(done) == done and len(set(done)) > 3, done
    assert len(lists.pictures()) == JOBS and lists.pictures() == lists.pictures(undisturbed)
    assert not list(lists.out.glob(".pixgen-*.tmp"))


def _whole(folder: Path) -> int:
    """How many jobs are recorded as done; every one of their pictures, and every other, is whole."""
    try:
        with Manifest(folder, readonly=True) as manifest:
            done = [record.file for record in manifest.records("done")]
    except Exception:
        assert not list(folder.glob("*.png"))  # killed before there was a manifest
        return 0
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            image.load()
    assert all((folder / name).is_file() for name in done)
    return len(done)


@pytest.mark.slow
def test_a_killed_driver_leaves_no_workers_and_the_list_goes_on(lists: Lists) -> None:
    words = arguments(lists, lists.out, "--workers", "2", "losses.trouble={type: trouble, seconds: 0.05}")
    command = [sys.executable, "-m", "pixgen", *words]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline().endswith(".png\n")
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(driver.pid)], capture_output=True, text=True)
    workers = [int(pid) for pid in children.stdout.split()]
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    driver.stdout.close()
    assert len(workers) >= 2
    deadline = time.monotonic() + 30
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in workers)
    recorded = _whole(lists.out)
    assert 0 < recorded < JOBS
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert len(again.stdout.splitlines()) == JOBS - recorded


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
