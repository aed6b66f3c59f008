"""Ctrl-C waits for what must be finished, asks what can stop, and is afterwards what it was."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pixgen.io import interrupts

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def usual() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_it_waits_until_the_block_is_done() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts.held():
        press()
        done.append("all of it")
    assert done and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_one_does_not_wait() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts.held():
        press()
        done.append("some of it")
        press()
        done.append("all of it")
    assert done == ["some of it"]


def test_an_error_of_the_block_comes_before_the_interrupt() -> None:
    with pytest.raises(OSError, match="full"), interrupts.held():
        press()
        raise OSError("full")


def test_the_first_one_asks_and_the_second_interrupts() -> None:
    asked = []
    with interrupts.asking(lambda: asked.append("stop")):
        press()
    assert asked == ["stop"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt), interrupts.asking(lambda: asked.append("again")):
        press()
        press()
    assert asked == ["stop", "again"]


def test_a_second_one_may_come_while_the_first_is_answered() -> None:
    answers = []

    def answer() -> None:
        answers.append("stop")
        press()

    with pytest.raises(KeyboardInterrupt), interrupts.asking(answer):
        press()
    assert answers == ["stop"]


def test_what_is_asked_may_refuse_to_go_on() -> None:
    def nothing_to_keep() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), interrupts.asking(nothing_to_keep):
        press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("block", [interrupts.held, lambda: interrupts.asking(press)])
def test_a_thread_of_a_program_may_use_it(block: Callable[[], AbstractContextManager[object]]) -> None:
    def work() -> str:
        with block():
            return "done"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == "done"


@pytest.mark.skipif(sys.platform == "win32", reason="no nohup")
def test_where_interrupts_are_ignored_they_stay_ignored() -> None:
    code = "import signal; from pixgen.io import interrupts; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code += "with interrupts.held(): signal.raise_signal(signal.SIGINT); print('done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.slow
def test_handlers_are_set_in_one_place_and_by_worker_processes() -> None:
    found = set()
    for path in ROOT.glob("pixgen/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "signal.signal":
                found.add(path.relative_to(ROOT / "pixgen").as_posix())
    assert found == {"io/interrupts.py", "batch/processes.py", "training/data/svg_files.py"}
