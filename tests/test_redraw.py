"""`benchmarks/redraw.py`: every picture of the documentation is registered, and drawn again where it is stale."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.test_benchmarks import script

ROOT = Path(__file__).parent.parent
PICTURES = (".png", ".webp", ".jpg", ".jpeg", ".gif", ".mp4", ".svg")
HASHES = {"vqgan": "a" * 64, "bank": "b" * 64}

HERE = "python -c \"import pathlib; pathlib.Path('{name}.png').write_text('{{seed}}')\""


@pytest.fixture
def redraw(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return script("redraw")


@pytest.fixture
def place(redraw: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with three items: two that draw, and one that fails."""
    items: dict[str, Any] = {
        name: {"pictures": [f"{name}.png"], "weights": networks, "seed": 7, "commands": [HERE.format(name=name)]}
        for name, networks in {"fox": ["vqgan"], "owl": ["vqgan", "bank"]}.items()
    }
    items["none"] = {"pictures": ["none.png"], "weights": [], "seed": 0, "commands": ["python -c exit(4)"]}
    registry = tmp_path / "pictures.yaml"
    registry.write_text(yaml.safe_dump(items, sort_keys=False))
    found = redraw.registry(registry)
    monkeypatch.setattr(redraw, "ROOT", tmp_path)
    monkeypatch.setattr(redraw, "RECORD", tmp_path / "drawn_with.json")
    monkeypatch.setattr(redraw, "registry", lambda: found)
    monkeypatch.setattr(redraw, "weights", lambda: HASHES)
    return tmp_path


def listed(redraw: ModuleType, capsys: pytest.CaptureFixture[str]) -> Mapping[str, str]:
    assert redraw.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    return dict(re.split(" +", line, maxsplit=1) for line in lines)


def test_every_picture_of_the_documentation_is_registered(redraw: ModuleType) -> None:
    registered = {path for item in redraw.registry() for path in item.files()}
    there = {path for path in (ROOT / "docs").rglob("*") if path.suffix in PICTURES}
    assert there - registered == set()
    assert [item.name for item in redraw.registry() if not item.files()] == []
    pages = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("pixgen/*/README.md"),
    ]
    shown = {
        (page.parent / target).resolve()
        for page in pages
        for target in re.findall(r"!\[[^]]*\]\(([^)#]+)\)", page.read_text())
        if "://" not in target
    }
    assert len(shown) > 8 and shown - registered == set()


def test_a_registered_seed_is_the_one_that_is_drawn_with(redraw: ModuleType) -> None:
    gallery, three = script("gallery"), script("three_by_three")
    seeds = {item.name: item.seed for item in redraw.registry()}
    assert seeds["gallery"] == gallery.SEED
    assert seeds["three_by_three"] == seeds["three_by_three_pt"] == three.SEEDS
    blind = script("blind_tests")
    for name, test in blind.TESTS.items():
        assert {seeds[name]} == {one.seed for one in test.drawings(Path("x"))}


def test_the_record_names_items_and_networks_that_there_are(redraw: ModuleType) -> None:
    items = {item.name: item for item in redraw.registry()}
    for name, record in redraw.recorded().items():
        assert set(record["weights"]) <= set(redraw.weights()) and name in items


def test_what_is_stale_is_drawn_and_recorded_and_drawn_no_more(
    redraw: ModuleType, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert redraw.main([]) == 1
    out, err = capsys.readouterr()
    assert "fox: fox.png is missing" in out and "none is still stale: a command ended with exit code 4" in err
    assert (place / "fox.png").read_text() == "7" and (place / "owl.png").is_file()
    record = json.loads((place / "drawn_with.json").read_text())
    assert set(record) == {"fox", "owl"} and record["owl"]["weights"] == {"vqgan": "a" * 16, "bank": "b" * 16}
    (place / "fox.png").write_text("as it was")
    assert redraw.main(["fox", "owl"]) == 0
    assert (place / "fox.png").read_text() == "as it was"
    assert listed(redraw, capsys) == {"fox": "current", "owl": "current", "none": "none.png is missing"}


def test_other_weights_another_command_or_a_missing_file_make_a_picture_stale(
    redraw: ModuleType, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    redraw.main(["fox", "owl"])
    capsys.readouterr()
    monkeypatch.setattr(redraw, "weights", lambda: {**HASHES, "bank": "c" * 64})
    assert listed(redraw, capsys)["owl"] == "drawn with another bank" and listed(redraw, capsys)["fox"] == "current"
    record = json.loads((place / "drawn_with.json").read_text())
    record["fox"]["commands"] = ["another"]
    (place / "drawn_with.json").write_text(json.dumps(record))
    assert listed(redraw, capsys)["fox"] == "drawn by another command"
    (place / "fox.png").unlink()
    assert listed(redraw, capsys)["fox"] == "fox.png is missing"
    (place / "drawn_with.json").unlink()
    assert listed(redraw, capsys)["owl"] == "nothing is recorded of how it was drawn"


def test_a_blind_test_waits_for_its_answers_and_sprites_are_asked_for(
    redraw: ModuleType, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = redraw.Item("blind", ["b.png"], [], 0, [f"python -c exit({redraw.UNNAMED})"])
    needs = redraw.Item("sheet", ["s.png"], [], 0, ["python -c exit() {cache}"])
    left = redraw.redraw([ends, needs], place / "cache")
    assert "waits for the answers" in left["blind"] and "pixgen train data" in left["sheet"]
    assert not (place / "drawn_with.json").exists()


def test_an_unknown_name_is_refused(redraw: ModuleType, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        redraw.main(["foxes"])
    assert ended.value.code == 2 and "there are fox, owl, none" in capsys.readouterr().err
    assert sys.modules["redraw"] is redraw
