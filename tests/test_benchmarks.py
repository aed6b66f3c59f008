"""The scripts of benchmarks/: what is drawn stays, a blind test's sheet gives nothing away, figures are counted."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from pixgen.io.metadata import Metadata

ROOT = Path(__file__).parent.parent


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts import each other, as they do where they are run."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def toy_drawing(**settings: Any) -> dict[str, Any]:
    """Settings that a toy draws with in no time."""
    import pixgen.testing  # noqa: F401 (registers the toys)

    toys = {"generator": "toy", "perceptors": {"tiny": None, "toy": {"type": "toy"}}, "size": "16x16"}
    quick = {"steps": 1, "starts": 1, "cutouts": 4, "stages": [{"steps": 1, "size": 1}]}
    return {**toys, **quick, **settings}


@pytest.mark.slow
def test_a_picture_is_drawn_once_and_again_where_its_settings_change(beside: None, tmp_path: Path) -> None:
    drawings = script("drawings")
    quick = toy_drawing()
    two = [drawings.Drawing(tmp_path / f"{i}.png", f"thing {i}", i, settings=quick) for i in range(2)]
    assert drawings.draw(two) == [one.path for one in two]
    assert drawings.draw(two) == []
    two[1].path.write_bytes(b"half a pict")
    assert drawings.draw(two) == [two[1].path]
    assert drawings.draw([drawings.Drawing(two[0].path, "thing 0", 0, settings={**quick, "steps": 2})]) == [two[0].path]


def test_other_weights_draw_into_another_folder(beside: None, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = script("drawings")
    monkeypatch.setattr(drawings, "weights", lambda: {"vqgan": "a"})
    first = drawings.folder("gallery")
    monkeypatch.setattr(drawings, "weights", lambda: {"vqgan": "b"})
    assert first != drawings.folder("gallery") and first.name.startswith("gallery-")


def test_a_blind_test_from_its_sheet_to_its_report(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = script("blind_tests")
    test = blind.TESTS["twenty_prompts_vqgan_bank"]
    prompts = test.prompts()
    assert len(prompts) == 20 and len(blind.TESTS["two_things"].prompts()) == 24
    for index, one in enumerate(test.drawings(tmp_path)):
        Image.new("RGB", (8, 8), (10 * index, 0, 0)).save(one.path)

    sheet = Image.open(blind.sheet(test, tmp_path))
    key = json.loads((tmp_path / "key.json").read_text())
    assert list(key) == [str(n) for n in range(1, 21)]
    assert sorted(key.values()) == sorted(prompts) and list(key.values()) != prompts
    for place, prompt in enumerate(key.values()):
        row, column = divmod(place, test.columns)
        middle = ((column + 0.5) * blind.TILE, (row + 0.5) * blind.TILE + (row + 1) * blind.LABEL)
        assert sheet.getpixel((int(middle[0]), int(middle[1]))) == (10 * prompts.index(prompt), 0, 0)

    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "twenty_prompts_vqgan_bank.md"
    page.write_text("# before\n\n| a | table |\n\nwhat somebody wrote\n")
    monkeypatch.setattr(blind, "ROOT", tmp_path)
    answers = tmp_path / "answers.csv"
    answers.write_text(
        "number,said,right\n" + "".join(f"{n},thing {n},{'yes' if n <= 13 else 'no'}\n" for n in range(1, 21))
    )
    assert blind.report(test, tmp_path) == page
    text = page.read_text()
    assert "**13 of 20**" in text and f"| 1 | {key['1']} | thing 1 | yes |" in text and "before" not in text
    assert text.endswith("\n\nwhat somebody wrote\n")
    assert (tmp_path / "docs" / "twenty_prompts_vqgan_bank.png").is_file()

    answers.write_text("number,said,right\n1,a cat,yes\n")
    with pytest.raises(SystemExit, match="no answer for 2, 3"):
        blind.report(test, tmp_path)
    answers.unlink()
    monkeypatch.setattr(blind, "folder", lambda _: tmp_path)
    monkeypatch.setattr(blind, "TESTS", {"it": test})
    monkeypatch.setattr(test.__class__, "prompts", lambda _: prompts)
    monkeypatch.setattr(sys, "argv", ["blind_tests.py", "report", "it"])
    with pytest.raises(SystemExit) as ended:
        blind.main()
    assert ended.value.code == blind.UNNAMED and "answers.csv" in capsys.readouterr().err


def test_the_machine_is_named_in_one_line() -> None:
    line = script("first_light").machine()
    assert "cores, torch" in line and "\n" not in line


@pytest.mark.slow
def test_memory_is_measured_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    script("first_light")
    memory = script("memory")
    found = memory.cases(["embedded"], [64], [2, 20])
    assert [(case["cutouts"], case["chunk"], case["again"]) for case in found] == [
        (2, 2, False),
        (2, 2, True),
        (20, 20, False),
        (20, 16, False),
        (20, 16, True),
    ]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert 50 * 2**20 < memory.measure(found[0], "cpu", None) < 8 * 2**30
    assert memory.measure({**found[0], "size": 1024}, "cpu", 1.0) is None


def test_memory_figures_are_kept_and_only_the_missing_ones_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script("first_light")
    memory, asked = script("memory"), []

    def measure(case: dict[str, object], *_: object) -> int | None:
        asked.append((case["cutouts"], case["way"]))
        if case["cutouts"] == 2:
            return 3 * 2**20
        if case["way"] == "chunks":
            raise TimeoutError
        return None

    monkeypatch.setattr(memory, "measure", measure)
    words = ["--pairs", "embedded", "--sizes", "64", "--limit", "5", "--seconds", "9", "--into", str(tmp_path / "a")]
    memory.main([*words, "--cutouts", "2"])
    assert len(asked) == 2 and capsys.readouterr().out.count("3 MiB") == 2
    memory.main([*words, "--cutouts", "2,32"])
    assert asked[2:] == [(32, "at once"), (32, "chunks"), (32, "chunks, recomputed")]
    out = capsys.readouterr().out
    assert out.count("3 MiB") == 2 and out.count("> 5 GB") == 2 and "> 9 s" in out
    monkeypatch.setattr(memory, "machine", lambda: "another")
    memory.main([*words, "--cutouts", "2"])
    assert len(asked) == 7


def test_memory_is_counted_without_computing() -> None:
    import torch

    counting = script("count_memory")

    def held_together() -> None:
        kept = torch.zeros(1000, requires_grad=True)
        for _ in range(3):
            (kept * torch.zeros(1000)).exp()  # at most: itself, a zero, their product and its exponential
        view = kept[:10].reshape(2, 5)
        assert view.shape == (2, 5)

    assert counting.count(held_together) == 4 * 4000


@pytest.mark.slow
def test_the_gallery_is_a_picture_a_preset_and_a_table(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixgen.io import metadata
    from pixgen.settings import layers

    gallery, drawings = script("gallery"), script("drawings")
    monkeypatch.setattr(layers, "preset_names", lambda: ["dark", "ink"])
    assert [path.stem for path in drawings.draw(gallery.pictures(tmp_path, toy_drawing()))] == ["plain", "dark", "ink"]
    assert metadata.read(tmp_path / "ink.webp").config["filters"]["black"]["type"] == "monochrome"
    with Image.open(gallery.sheet(tmp_path)) as image:
        assert image.size == (4 * 256, 256 + 28)

    readme = tmp_path / "README.md"
    readme.write_text("before\n\n## From Python\n\nafter\n")
    gallery.write_into(readme)
    once = readme.read_text()
    gallery.write_into(readme)
    assert readme.read_text() == once and "| [ink](docs/gallery/ink.webp) |" in once and "after" in once


def test_every_generator_of_the_list_has_two_pictures_and_a_section(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixgen import registry

    generators = script("generators")
    entries = generators.entries()
    page = (ROOT / "docs" / "generators.md").read_text()
    assert set(entries) <= set(registry.names("generator"))
    assert [name for name in entries if f"\n## {name}\n" not in page or f"[{name}](#{name})" not in page] == []
    asked = generators.pictures(tmp_path, list(entries), {"steps": 3, "generator": {"type": "pixel"}})
    assert [one.path.stem for one in asked] == [f"{name}-{way}" for name in entries for way in generators.WAYS]
    for one in asked:
        wanted = one.wanted()
        assert wanted["steps"] == 3 and wanted["start"]["type"] in one.path.stem
    by_name = {one.path.stem: one for one in generators.pictures(tmp_path, ["pixel"], {"generator": {"spread": 0.1}})}
    assert by_name["pixel-random"].settings["generator"]["pixel_size"] > 1
    assert by_name["pixel-random"].settings["generator"]["spread"] == 0.1 and len(by_name) == 2
    for one in by_name.values():
        Image.new("RGB", (8, 8), (90, 0, 0)).save(one.path)
    with Image.open(generators.sheet(tmp_path)) as image:
        assert image.size == (6 * 196 + 4, 192 + 26 + 8) and image.getpixel((100, 100))[0] in range(84, 97)


def test_the_gallery_page_is_what_the_script_writes(beside: None) -> None:
    gallery = script("gallery")
    page = gallery.GALLERY / "README.md"
    assert page.read_text() == gallery.page(), "run benchmarks/gallery.py"


def test_three_by_three_has_a_row_a_prompt_and_a_column_a_method(beside: None, tmp_path: Path) -> None:
    from pixgen.settings import methods

    three = script("three_by_three")
    asked = three.pictures(tmp_path, three.PORTUGUESE[:2], {"steps": 3})
    assert [(one.prompt, one.method) for one in asked] == [
        (prompt, method) for prompt in three.PORTUGUESE[:2] for method in methods.METHODS
    ]
    assert all(one.seed == three.SEEDS[one.method] for one in asked)
    assert [one.wanted()["steps"] for one in asked[:3]] == [3, 1, 1]
    for number, one in enumerate(asked):
        Image.new("RGB", (8, 8), (40 * number + 40, 0, 0)).save(one.path)
    sheet = three.sheet(tmp_path, three.PORTUGUESE[:2], three.TITLES, tmp_path / "sheet.webp")
    with Image.open(sheet) as image:
        assert image.size[0] == 3 * three.TILE + 4 * 8
        middle = three.TILE // 2
        assert image.getpixel((8 + 2 * (three.TILE + 8) + middle, 30 + 44 + middle))[0] in range(114, 127)


def test_scaling_changes_one_size_at_a_time_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scaling = script("scaling")
    begun: list[Any] = []

    def train(options: Any) -> None:
        begun.append(options)
        folder = options.run
        said = {"ridge": 0.5, "sample": len(begun) / 100, "energy_drawn": 0.001}
        (folder / "log.jsonl").write_text(json.dumps({"pairs": 1, "rate": 3}) + "\n" + json.dumps(said) + "\n")
        (folder / f"embeddings-x-{options.scenes}.npz").write_bytes(b"")

    monkeypatch.setattr(scaling.prior, "main", train)
    sizes = scaling.sizes()
    assert all(sum(size[name] != scaling.BASE[name] for name in size) <= 1 for size in sizes)
    scaling.main([str(tmp_path), "--cache", "cache"])
    assert len(begun) == len({options.run for options in begun}) == len(sizes)
    assert all(options.cache == Path("cache") and options.plain == 0 for options in begun)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(sizes) and "| 60,000 | 256 | 200,000 | 0.500 | 0.010 | 1.0 |" in lines
    of_the_same_scenes = list(tmp_path.glob(f"*/embeddings-x-{scaling.BASE['scenes']}.npz"))
    assert len(of_the_same_scenes) == sum(size["scenes"] == scaling.BASE["scenes"] for size in sizes)


def test_the_list_of_pictures_shows_what_a_change_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = script("same_pictures")
    hashes = {name: {"pixels": name, "metadata": "m"} for name in ("vary", "edit")}

    def compared(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["same_pictures.py", *words])
        monkeypatch.setattr(same, "draw", lambda model, keep, say: hashes)
        code: int = same.main()
        return code

    file = str(tmp_path / "before.json")
    assert compared("--write", file) == 0 and compared("--compare", file) == 0
    hashes = {"vary": {"pixels": "other", "metadata": "m"}}
    assert compared("--compare", file) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-3:] == ["edit: metadata differ", "edit: pixels differ", "vary: pixels differ"]


def test_two_pictures_have_the_same_hashes_only_where_pixels_and_settings_are_the_same() -> None:
    same = script("same_pictures")
    image, other = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), (0, 0, 1))
    about, another = (
        Metadata(version="1", prompt=text, config={}, steps_planned=1, steps_done=1, seed=1, size=(8, 8))
        for text in "ab"
    )
    assert same.picture(image, about) == same.picture(image.copy(), about)
    assert same.picture(image, about)["pixels"] != same.picture(other, about)["pixels"]
    assert same.picture(image, about)["metadata"] != same.picture(image, another)["metadata"]


def test_every_script_is_on_the_page() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text()
    assert [path.name for path in (ROOT / "benchmarks").glob("*.py") if path.name not in page] == []
