"""Calls out of other programs: what a program has set in torch for itself does not reach the work, and stays set.

A program may call from several threads at once, so nothing is changed that other threads see: gradients, inference
mode, autocast and the default device belong to the calling thread alone.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar, cast

import torch

from pixgen.backend import hardware
from pixgen.errors import UsageError

P = ParamSpec("P")
T = TypeVar("T")

DEVICES = ("cpu", "cuda", "mps")
"""Where pixgen computes, and therefore turns autocast off."""

_counts = threading.Lock()


@contextlib.contextmanager
def isolated(threads: int | None = None) -> Iterator[None]:
    """Compute inside as in a fresh process, whatever the caller has set, and put back what it had.

    threads: of torch, for the calling thread; None leaves their number.
    Raises UsageError where torch's default dtype is not float32: that is one number for all threads, and not ours.
    """
    if torch.get_default_dtype() != torch.float32:
        raise UsageError(
            f"torch's default dtype is {torch.get_default_dtype()}, and pixgen computes in float32; call "
            "torch.set_default_dtype(torch.float32) before it"
        )
    with contextlib.ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if threads is not None:
            stack.enter_context(computing_with(threads))
        yield


@contextlib.contextmanager
def computing_with(threads: int) -> Iterator[None]:
    """torch computes with so many threads when it is called from this one; afterwards with as many as before."""
    before = torch.get_num_threads()
    if before == threads:
        yield
        return
    _set_here(threads)
    try:
        yield
    finally:
        _set_here(before)


def isolating(function: Callable[P, T]) -> Callable[P, T]:
    """The function, called in isolation, with the number of threads that `auto` stands for."""

    @functools.wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        with isolated(hardware.threads("auto")):
            return function(*arguments, **options)

    return call


def in_isolation(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in isolation; what is done with them between is not."""
    following = isolating(lambda: next(items, _END))
    while (item := following()) is not _END:
        yield cast(T, item)


_END = object()


def _set_here(threads: int) -> None:
    """Set torch's number of threads for the calling thread.

    torch keeps the number for each thread, and beside it one that threads take over when they first use torch. Setting
    the former sets the latter too; a thread that has not used torch yet knows the latter, and puts it back.
    """
    with _counts, ThreadPoolExecutor(1) as fresh:
        others = fresh.submit(torch.get_num_threads).result()
        torch.set_num_threads(threads)
        fresh.submit(torch.set_num_threads, others).result()
