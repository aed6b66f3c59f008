"""Resolves `auto`: device, precision, threads and batch size of this machine, before a config is stored."""

from __future__ import annotations

import logging
import os

from pixgen.errors import UsageError

log = logging.getLogger(__name__)


def device(wanted: str) -> str:
    """`auto` -> cuda, mps or cpu. Raises UsageError for a device that is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, found in there.items() if found)
    name, _, index = wanted.partition(":")
    if not there.get(name) or (index and name == "cuda" and int(index) >= torch.cuda.device_count()):
        found = ", ".join(name for name, found in there.items() if found)
        raise UsageError(f"there is no device {wanted!r} here; torch finds {found} (or leave it at auto)")
    return wanted


def precision(wanted: str, device: str) -> str:
    """`auto` -> bfloat16 only where the processor computes in it; elsewhere it is many times slower than float32.

    On a CPU the processor's own feature flags decide, not a timed trial, so that the same command gives the same
    picture on a busy machine as well.
    """
    import torch

    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "bfloat16"
    return "float32"


def machine(device: str) -> str:
    """What decides how sums are rounded: system, processor, its vector instructions or the GPU, torch."""
    import platform

    import torch

    names = [f"{platform.system()} {platform.machine()}", torch.backends.cpu.get_cpu_capability()]
    if device.startswith("cuda"):
        names.append(torch.cuda.get_device_name(device))
    elif device == "cpu":
        names.append(processor())
    return ", ".join([*names, f"torch {torch.__version__}"])


def processor() -> str:
    """The processor's own name, or its kind where the system does not tell."""
    import contextlib
    import platform

    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def threads(wanted: int | str) -> int:
    """`auto` -> torch's own choice, but no more than the cores that this process may use.

    A number is at most that of the machine's cores: more only wait for each other, and 100,000 end the process.
    """
    import torch

    if isinstance(wanted, int):
        cores = os.cpu_count() or 1
        if wanted > cores:
            log.warning("threads is %d, and this machine has %d cores: pixels may differ", wanted, cores)
        return min(wanted, cores)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(torch.get_num_threads(), allowed))


def memory(device: str) -> int | None:
    """Bytes of memory of a device: the GPU's, or the machine's as far as its container allows. None: not known."""
    import contextlib

    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.get_device_properties(device).total_memory)
    found = []
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(name) as file:  # "max": no limit
            found.append(int(file.read()))
    return min(found, default=None)


def batch(wanted: int | str, device: str) -> int:
    """`auto` -> one picture at a time, but four on a CUDA device: a CPU is busy with one already."""
    if isinstance(wanted, int):
        return wanted
    return 4 if device.startswith("cuda") else 1
