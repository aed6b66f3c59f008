"""What would take more memory than is stated is refused before anything is loaded, unless it is allowed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pixgen
from pixgen.backend import hardware
from pixgen.batch.plan import Plan
from pixgen.batch.rows import Row
from pixgen.batch.worker import Artist, Failed
from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.io.metadata import Metadata
from pixgen.settings import config, memory
from pixgen.settings.config import RenderConfig

HUGE = {"size": (16384, 16384)}


@pytest.fixture
def settings() -> RenderConfig:
    return config.resolve([])


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory", lambda device: 64_000_000_000)


def test_the_estimate_is_near_what_was_measured(settings: RenderConfig) -> None:
    """Peaks of `pixgen.generate` with the default models on a CPU: 0.71, 1.43 and 4.27 GB."""
    for side, measured in ((256, 0.745e9), (512, 1.498e9), (1024, 4.479e9)):
        found = memory.estimate(dataclasses.replace(settings, size=(side, side)))
        assert measured * 0.8 < found < measured * 1.3, side


def test_it_grows_with_everything_that_is_held(settings: RenderConfig) -> None:
    before = memory.estimate(settings)
    assert memory.estimate(settings, together=4) > 2 * before
    assert memory.estimate(dataclasses.replace(settings, cutouts=10_000, chunk=10_000)) > 10 * before
    assert memory.estimate(dataclasses.replace(settings, cutouts=10_000)) == before  # 16 at a time
    larger = dataclasses.replace(settings, generator={"type": "vqgan", "model": "vqgan-imagenet-f16-16384"})
    assert memory.estimate(larger) > 3 * before


def test_what_is_too_large_is_refused_with_the_way_out(settings: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = dataclasses.replace(settings, **HUGE)
    with pytest.raises(UsageError, match=r"16384x16384 takes about 980 GB .* limit here is 16 GB.*--allow-large"):
        memory.require(huge)
    memory.require(huge, allow_large=True)
    large = dataclasses.replace(settings, size=(1024, 1024))
    memory.require(large)
    monkeypatch.setattr(hardware, "memory", lambda device: 4_000_000_000)
    with pytest.raises(UsageError, match=r"limit here is 4\.0 GB"):
        memory.require(large)


def test_a_large_gpu_allows_more(settings: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    large = dataclasses.replace(settings, size=(3072, 3072), device="cuda")
    monkeypatch.setattr(hardware, "device", lambda wanted: wanted)
    memory.require(large)
    with pytest.raises(UsageError):
        memory.require(dataclasses.replace(large, device="cpu"))


def test_python_refuses_it_too() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(UsageError, match="--allow-large"):
        pixgen.generate("a fox", size="16384x16384")
    with pytest.raises(UsageError, match="--allow-large"):
        pixgen.vary(picture, size=16384, steps=1)
    with pytest.raises(UsageError, match="--allow-large"):
        pixgen.edit(picture, "a fox", "a dog", size=16384, steps=1)
    with pytest.raises(UsageError, match=r"a morph of 900000 frames.*--allow-large"):
        pixgen.morph(picture, picture, frames=900_000)
    with pytest.raises(UsageError, match=r"an edit of 30000x20000 under a mask.*--allow-large"):
        wide = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (20_000, 30_000, 3))
        pixgen.edit(wide, "a fox", mask=picture)


def test_a_list_refuses_it_with_the_row_s_place() -> None:
    row = Row({"prompt": "a fox", "size": "16384x16384"}, "list.csv:2")
    with pytest.raises(UsageError, match=r"list\.csv:2.*--allow-large"):
        list(Plan().expand([row]))
    assert len(list(Plan(allow_large=True).expand([row]))) == 1


def test_a_worker_refuses_what_a_manifest_was_made_to_say(settings: RenderConfig) -> None:
    from pixgen.batch.local import probe_task

    huge = dataclasses.replace(settings, **HUGE, prompt="a fox", seed=1)
    (event,) = Artist().draw(probe_task(huge, 1))
    assert isinstance(event, Failed) and "--allow-large" in event.reason


def test_a_picture_that_asks_for_too_much_is_not_drawn_again(
    settings: RenderConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = config.to_dict(dataclasses.replace(settings, **HUGE, prompt="a fox", seed=1))
    about = Metadata("0.1.0", "a fox", values, 110, 110, 1, (16384, 16384))
    path = metadata.save(Image.new("RGB", (8, 8)), tmp_path / "m.png", about)
    assert run(["again", str(path), "-o", str(tmp_path / "out.png")]) == 2
    assert f"{path}: a picture of 16384x16384 takes about" in capsys.readouterr().err
    assert run(["a fox", "--size", "4096", "-o", str(tmp_path / "out.png")]) == 2
    assert "--allow-large" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_threads_are_at_most_the_cores(caplog: pytest.LogCaptureFixture) -> None:
    cores = os.cpu_count() or 1
    assert hardware.threads(1) == 1 and not caplog.records
    assert hardware.threads(100_000) == cores
    assert f"threads is 100000, and this machine has {cores} cores: pixels may differ" in caplog.text
    assert config.resolve_auto(dataclasses.replace(config.resolve([]), threads=100_000)).threads == cores
