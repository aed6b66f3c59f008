"""The trainings' README names files that exist, and every training."""

import re
from pathlib import Path

from pixgen.training import pipeline

FOLDER = Path(__file__).parent.parent.parent / "pixgen" / "training"  # an installed package has no pages
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_file_it_names_exists() -> None:
    reading = README.partition("## What to read")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w./]+\.\w+)`", reading)
    assert len(named) > 20 and [name for name in named if not (FOLDER / name).exists()] == []


def test_it_tells_of_every_training() -> None:
    for one in pipeline.TRAININGS:
        assert f"`{one.name}.py`" in README, one.name
    for command in re.findall(r"pixgen train (\w+)", README):
        assert command in {"data", "all", "NAME", "evaluate", *(one.name for one in pipeline.TRAININGS)}
