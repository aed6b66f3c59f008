"""Lists that are drawn with toys, in this process and in others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen import registry
from pixgen.batch import run
from pixgen.batch.job import Job
from pixgen.batch.lists import read
from pixgen.batch.local import Local
from pixgen.batch.manifest import Manifest
from pixgen.batch.plan import Plan
from pixgen.batch.records import Record
from pixgen.batch.rows import Row
from pixgen.batch.tuning import Tuning
from pixgen.batch.worker import Picture, Stepped
from pixgen.io.yaml_files import Layer

TOYS: dict[str, Any] = {
    "generator": "toy",
    "perceptors": {"tiny": None, "toy": "toy"},
    "size": "32x32",
    "steps": 2,
    "cutouts": 4,
    "starts": 1,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
}

WORDS = [
    *("generator=toy", "perceptors={tiny: null, toy: toy}", "size=32x32", "steps=2", "cutouts=4", "starts=1"),
    *("threads=1", "device=cpu", "precision=float32"),
]

PLUGIN = '''
"""What can go wrong while a picture is drawn."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import pixgen.testing
from pixgen.errors import PixgenError
from pixgen.contracts import Loss
from pixgen.registry import register
from pixgen.contracts import Score


@register("loss", "trouble")
@dataclass
class Trouble(Loss):
    """Acts by the prompt, so that one row of a list can go wrong."""

    reads = "images"
    seconds: float = 0.0
    together: int = 1000
    once: str = ""

    def prepare(self, session):
        self.texts = [prompt.text for prompts in session.prompts for prompt in prompts]

    def __call__(self, frame):
        time.sleep(self.seconds)
        if any("explode" in text for text in self.texts):
            raise RuntimeError("it exploded\\nand more")
        if len(frame.images) > self.together:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if any("die" in text for text in self.texts) and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return frame.images.mean((1, 2, 3))


@register("score", "missing")
@dataclass
class Missing(Score):
    "A score whose weights are not here."

    def __call__(self, run, images):
        raise PixgenError("its weights are not here")
'''


@dataclass
class Watched:
    """Remembers what a driver tells."""

    paths: list[str] = field(default_factory=list)
    reached: list[tuple[str, int]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def stepped(self, event: Stepped, records: Sequence[Record]) -> None:
        pass

    def drawn(self, record: Record, picture: Picture, seconds: float) -> None:
        self.paths.append(record.file)
        self.reached.append((record.prompt, picture.steps))

    def failed(self, records: Sequence[Record], reason: str) -> None:
        self.reasons |= {record.prompt: reason for record in records}

    def warned(self, text: str) -> None:
        self.warnings.append(text)


@dataclass
class Lists:
    """Draws lists into a folder of its own."""

    folder: Path
    plugin: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def plan(self, **settings: Any) -> Plan:
        own = {key: settings.pop(key) for key in list(settings) if key in Plan.__dataclass_fields__}
        return Plan(layers=[Layer(TOYS | settings, "a test")], **own)

    def jobs(self, text: str, **settings: Any) -> list[Job]:
        path = self.folder / "list.txt"
        path.write_text(text)
        return list(self.plan(**settings).expand(read(str(path))))

    def draw(self, jobs: Sequence[Job], out: Path | None = None, **options: Any) -> tuple[dict[str, int], Watched]:
        watched = Watched()
        engine = options.pop("engine", lambda: Local(["held_out"], [str(self.plugin)]))
        return run.draw(out or self.out, jobs, engine, watched, **options), watched

    def pictures(self, out: Path | None = None) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (out or self.out).glob("*.png")}

    def records(self, out: Path | None = None) -> list[Record]:
        with Manifest(out or self.out, readonly=True) as manifest:
            return list(manifest.records())

    def tuning(self, out: Path | None = None) -> Tuning:
        with Manifest(out or self.out, readonly=True) as manifest:
            return Tuning.from_dict(manifest.fact("choice"))


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plugin") / "trouble.py"
    path.write_text(textwrap.dedent(PLUGIN))
    registry.load_file(path)
    return path


@pytest.fixture
def lists(tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch) -> Lists:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    return Lists(tmp_path, plugin)


def rows(*values: dict[str, Any]) -> list[Row]:
    return [Row(value, f"row {number}") for number, value in enumerate(values, 1)]
