"""What needs more memory than a common computer has must be meant, wherever it was asked for."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import pytest
from PIL import Image

import pixgen
from pixgen.backend import hardware
from pixgen.batch import lists
from pixgen.batch.plan import Plan
from pixgen.cli.main import run
from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.io.metadata import Metadata
from pixgen.io.yaml_files import Layer
from pixgen.settings import config as configs
from pixgen.settings import limits


def config(**values: object) -> configs.RenderConfig:
    return configs.resolve([Layer({"prompt": "a fox", "seed": 1, **values}, "test")])


@pytest.mark.parametrize(("name", "most", "beyond"), [("size", "2048x2048", "2048x2049"), ("chunk", 1024, 1025)])
def test_a_bound_holds_and_the_way_out_is_said(name: str, most: object, beyond: object) -> None:
    limits.require_modest(config(**{name: most}))
    with pytest.raises(UsageError, match=rf"{name} is .*beyond .*--allow-large"):
        limits.require_modest(config(**{name: beyond}))


def test_a_picture_that_asks_for_too_much_is_not_drawn_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = configs.to_dict(config(size="16384x16384"))
    about = Metadata("0.1.0", "a fox", values, 110, 110, 1, (16384, 16384))
    path = metadata.save(Image.new("RGB", (8, 8)), tmp_path / "m.png", about)
    assert run(["again", str(path), "-o", str(tmp_path / "out.png")]) == 2
    assert f"{path}: size is 16384x16384, beyond the 2048x2048 pixels" in capsys.readouterr().err
    assert run(["a fox", "--size", "4096", "-o", str(tmp_path / "out.png")]) == 2
    assert "--allow-large" in capsys.readouterr().err
    with pytest.raises(UsageError, match="allow_large=True"):
        pixgen.generate("a fox", size=4096)


def test_a_row_that_asks_for_too_much_is_named(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text(json.dumps({"prompt": "a fox", "size": "4096x4096"}))
    with pytest.raises(UsageError, match=r"l\.jsonl:1: size is 4096x4096"):
        list(Plan().expand(lists.read(str(path))))
    assert len(list(Plan(allow_large=True).expand(lists.read(str(path))))) == 1


def test_threads_are_at_most_the_cores(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert hardware.threads(100_000) == os.cpu_count() and hardware.threads(1) == 1
    assert caplog.messages == [f"threads is 100000, and this machine has {os.cpu_count()} cores: pixels may differ"]


@pytest.mark.parametrize("word", ["nan", "inf", "-1"])
def test_a_temperature_is_a_finite_number(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["a fox", "--method", "dalle1", "--temperature", word]) == 2
    assert "--temperature" in capsys.readouterr().err
