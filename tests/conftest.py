"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)  # small tensors: a second thread costs more than it gives
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # and what tests start shares the cores with other tests

# A shell starts what runs in its background with interrupts ignored, and a child of ours would inherit that: its Ctrl-C
# tests would wait for ever. So would those of a closed terminal under nohup.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("pixgen", deadline=None)  # a busy machine is no failure
# HYPOTHESIS_PROFILE=long pytest -n 0 tests/test_foreign_input.py: ten minutes of what a stranger could hand over.
settings.register_profile("long", deadline=None, max_examples=2_000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pixgen"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """A test that drew with more threads must not decide how the next ones see the machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _float32_unless_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`precision: auto` is float32 in tests, on a processor that computes in bfloat16 too.

    What a test compares to the last bits must not depend on the machine; tests marked `bfloat16` leave `auto` alone.
    """
    if request.node.get_closest_marker("bfloat16") is None:
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    yield


@pytest.fixture
def registry_as_before() -> Iterator[None]:
    """Whatever a test registers is forgotten after it."""
    from pixgen import registry

    for kind in registry.KINDS:
        registry.names(kind)  # what a test loads first would be forgotten with what it registers
    before = {kind: dict(plugins) for kind, plugins in registry._plugins.items()}
    yield
    for kind, plugins in before.items():
        registry._plugins[kind].clear()
        registry._plugins[kind].update(plugins)
