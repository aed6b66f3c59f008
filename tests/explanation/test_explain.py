"""Explanations: what a page has for each kind of picture, that it asks for nothing outside, and is the same twice."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

import pixgen.testing  # noqa: F401 (registers the toys)
from pixgen.errors import UsageError
from pixgen.explanation import explain, figures, folder, patches, recording
from pixgen.explanation.explain import Subject
from pixgen.explanation.page import PAGE
from pixgen.explanation.words import WORDS
from pixgen.io import own_files, pictures
from pixgen.io.metadata import Metadata
from pixgen.recognition import clip_models, describe, maps
from pixgen.recognition.clip_models import ClipModel
from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import parse_assignments

TOYS = ["perceptors.tiny=null", "perceptors.toy.type=toy", "starts=1", "cutouts=4", "size=32x32", "threads=1"]
HOSTILE = "</style><script>alert(1)</script> \"'><img src=x onerror=alert(2)> \u202etxt {steps} &amp;"


@pytest.fixture(scope="module")
def tiny() -> ClipModel:
    return clip_models.load()


@pytest.fixture(autouse=True)
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "STEP", 1.0)


def settings(*words: str) -> RenderConfig:
    return configs.resolve_auto(configs.resolve(parse_assignments(["prompt=a fox", "seed=3", *words])))


def drawn(config: RenderConfig, steps: int | None = None, prompt: str = "a fox") -> Subject:
    made = recording.record(config, steps, shown=lambda *_: None)
    about = Metadata("0", prompt, configs.to_dict(config), made.planned, made.steps, 3, (32, 32))
    return Subject("fox.png", made.image, prompt, about, made)


class Asked(HTMLParser):
    """Every tag, and every address that a browser would load."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]


def require_closed(found: dict[str, bytes]) -> None:
    """The page has no scripts, and asks only for the pictures that lie beside it."""
    asked = Asked(found[PAGE])
    assert not asked.tags & {"script", "iframe", "object", "embed", "link", "base", "form", "svg"}
    assert not {name for name in asked.attributes if name.startswith("on")}
    assert sorted(set(asked.addresses)) == sorted(name for name in found if name != PAGE)
    assert b"url(" not in found[PAGE] and b"@import" not in found[PAGE] and list(found)[-1] == PAGE


def parts(found: dict[str, bytes]) -> list[str]:
    return re.findall(r'<section id="(\w+)"', found[PAGE].decode())


def test_a_vqgan_picture_has_every_part_and_the_same_bytes_twice(tiny: ClipModel) -> None:
    config = settings(*TOYS, "steps=3", "start.type=random")
    first, second = (explain.explain(drawn(config), tiny, "en") for _ in range(2))
    assert first == second
    assert parts(first) == ["frames", "losses", "cutouts", "maps", "codes", "patches"]
    require_closed(first)
    assert {"step-00001.png", "step-00003.png", "cutouts.png", "codes.png", "map-0.png", "patches.png"} <= first.keys()
    assert all(own_files.EXPLANATION in data[:1024] for data in first.values())


def test_logits_of_codes_are_codes_too() -> None:
    config = settings(*TOYS, "steps=1", "start.type=random", "generator.codes=gumbel", "threads=1")
    made = recording.record(config, shown=lambda *_: None)
    assert made.codes is not None and made.codes.grid.shape == (4, 4) and made.codes.mosaic().shape[2:] == (32, 32)


@pytest.mark.parametrize("language", ["en", "pt"])
def test_another_generator_has_no_codes_and_says_so(tiny: ClipModel, language: str) -> None:
    found = explain.explain(drawn(settings(*TOYS, "generator=toy", "steps=2")), tiny, language)
    text = found[PAGE].decode()
    assert "codes.png" not in found and WORDS[language]["codes_none"].format(generator="toy") in text
    assert f'lang="{ {"en": "en", "pt": "pt-BR"}[language] }"' in text


def test_one_step_is_no_loop(tiny: ClipModel) -> None:
    found = explain.explain(drawn(settings(*TOYS, "generator=toy", "steps=1")), tiny, "en")
    assert "losses" not in parts(found) and b"in one go" in found[PAGE]


def test_an_interrupted_picture_ends_where_it_did() -> None:
    made = recording.record(settings(*TOYS, "generator=toy", "steps=9"), 4, shown=lambda *_: None)
    assert made.steps == 4 and made.planned == 9 and max(made.frames) == 4 and len(made.losses["clip"]) == 4


@pytest.mark.parametrize("language", ["en", "pt"])
def test_foreign_pictures_have_maps_alone(tiny: ClipModel, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe, "subjects", lambda _: ["fox", "dog"])
    picture = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    given = explain.explain(Subject("photo.png", picture, "a dog"), tiny, language)
    described = explain.explain(Subject("photo.png", picture), tiny, language)
    for found in (given, described):
        assert parts(found) == ["maps", "patches"]
        require_closed(found)
    assert WORDS[language]["described"] in described[PAGE].decode()


def test_hostile_texts_are_text(tiny: ClipModel) -> None:
    picture = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    for found in (
        explain.explain(Subject(HOSTILE, picture, HOSTILE, why=HOSTILE), tiny, "en"),
        explain.explain(drawn(settings(*TOYS, "generator=toy", "steps=1"), prompt=HOSTILE), tiny, "en"),
    ):
        require_closed(found)
        assert "\u202e" not in found[PAGE].decode() and "&lt;script&gt;" in found[PAGE].decode()


def test_a_prompt_without_words_has_no_maps(tiny: ClipModel) -> None:
    found = explain.explain(Subject("x", torch.rand(1, 3, 8, 8), "42 !"), tiny, "en")
    assert "map-0.png" not in found and b"Give some with --prompt" in found[PAGE]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 5)])
def test_odd_shapes(tiny: ClipModel, tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, "red").save(tmp_path / "odd.png")
    picture = explain.read(tmp_path / "odd.png")
    assert max(picture.shape) <= explain.READ
    require_closed(explain.explain(Subject("odd.png", picture, "a fox"), tiny, "en"))


def test_frames_are_few_and_hold_both_ends() -> None:
    for steps in (1, 2, 7, 8, 9, 10, 40, 333, 100_000):
        found = recording.frames(steps)
        assert found[0] == 1 and found[-1] == steps and len(found) == min(steps, recording.FRAMES)
        assert found == sorted(set(found))


def test_patches_tell_a_crisp_picture_from_a_soft_one() -> None:
    with Image.open(Path(__file__).parent.parent.parent / "docs" / "teacher.png") as image:
        crisp = image.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
    soft = crisp.resize((32, 32), Image.Resampling.BOX).resize((128, 128), Image.Resampling.BICUBIC)
    first, second = (patches.realness(pictures.read(one)) for one in (crisp, soft))
    assert first.shape == (16, 16) and first.mean() > second.mean()
    assert patches.realness(torch.rand(1, 3, 5, 3)).isfinite().all()


def test_heat_is_light_where_the_map_is() -> None:
    share = torch.zeros(8, 8)
    share[:, :4] = 1
    image = figures.heat(Image.new("RGB", (64, 64), (128, 128, 128)), share)
    assert sum(image.getpixel((8, 32))) > 2 * sum(image.getpixel((56, 32)))  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [2.0, float("nan"), 1.0], [float("inf")], [0.0] * 50])
def test_any_curve_is_drawn(values: list[float]) -> None:
    assert figures.curve(values).size == (640, 320)


def test_both_languages_have_the_same_gaps_and_two_sentences() -> None:
    assert WORDS["en"].keys() == WORDS["pt"].keys()
    for key in WORDS["en"]:
        gaps = [sorted(re.findall(r"\{(\w+)\}", WORDS[language][key])) for language in ("en", "pt")]
        assert gaps[0] == gaps[1], key
        if key.endswith("_1"):
            assert [len(re.findall(r"[.](?: |$)", WORDS[language][key])) for language in ("en", "pt")] == [2, 2], key


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    page = f'<meta name="generator" content="{own_files.EXPLANATION.decode()}">'.encode()
    first = folder.place(tmp_path / "fox", overwrite=False)
    folder.write({"a.png": own_files.EXPLANATION, PAGE: page}, first)
    assert folder.place(tmp_path / "fox", overwrite=False) == tmp_path / "fox-2"
    assert folder.place(tmp_path / "fox", overwrite=True) == tmp_path / "fox"
    (tmp_path / "fox" / "mine.png").write_bytes(b"mine")
    folder.write({"b.png": own_files.EXPLANATION, PAGE: page}, first)
    assert sorted(path.name for path in first.iterdir()) == ["b.png", PAGE, "mine.png"]
    with pytest.raises(UsageError, match="not written by pixgen"):
        folder.write({"mine.png": b"", PAGE: page}, first)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index.html").write_text("my page")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="other files in it"):
            folder.place(tmp_path / "home", overwrite)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        folder.place(tmp_path / "file", overwrite=False)
