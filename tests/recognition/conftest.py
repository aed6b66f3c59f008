"""The embedded CLIP, a small one of open_clip's with random weights, and pictures to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixgen.recognition import clip_models
from pixgen.recognition.clip_models import ClipModel
from tests.models import small

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def tiny() -> ClipModel:
    return clip_models.load()


@pytest.fixture
def open_clip_model(home: Path) -> str:
    """The name of a CLIP of the zoo that is here: random weights, 32x32 pixels."""
    models = home / "models"
    models.mkdir(parents=True)
    path = small.weights(models)
    (models / "mine.yaml").write_text(
        f"kind: clip\nabout: random\narchitecture: {{name: {small.NAME}, quick_gelu: false}}\nfiles: []\npath: {path}\n"
    )
    return "mine"


@pytest.fixture
def apples(tmp_path: Path) -> Path:
    """A folder of three apples and a teacher, with a broken file and a text beside them."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for name, source in (
        ("apple.png", DOCS / "apple.png"),
        ("teacher.png", DOCS / "teacher.png"),
        ("more/ink.webp", DOCS / "gallery" / "ink.webp"),
        ("more/neon.WEBP", DOCS / "gallery" / "neon.webp"),
    ):
        (folder / name).write_bytes(source.read_bytes())
    (folder / "broken.png").write_text("not a picture")
    (folder / "notes.txt").write_text("not a picture either")
    (folder / ".hidden.png").write_bytes((DOCS / "apple.png").read_bytes())
    return folder
