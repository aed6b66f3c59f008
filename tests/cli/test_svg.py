"""`-o x.svg`: the picture as a vector drawing, with its metadata, for generators that have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

import pixgen
from pixgen.cli.main import run
from pixgen.contracts import Params, Size
from pixgen.io import metadata, naming
from pixgen.io.pictures import to_bytes
from pixgen.registry import register
from pixgen.scenery.rendering import rendered
from pixgen.testing import ToyGenerator

SETTINGS = """
generator: checks
perceptors: {tiny: null, toy: {type: toy}}
size: 32x32
steps: 2
cutouts: 4
starts: 1
stages: [{steps: 1, size: 1}]
"""


@register("generator", "checks")
@dataclass
class Checks(ToyGenerator):
    """One colour for each eighth of a side."""

    has_svg: ClassVar[bool] = True
    wrong: bool = False
    """Give what is not an SVG document."""

    def decode(self, params: Params) -> Tensor:
        return torch.sigmoid(params["grid"]).repeat_interleave(4, 2).repeat_interleave(4, 3)

    def to_svg(self, params: Params, size: Size) -> list[str]:
        if self.wrong:
            return ["<svg/>" for _ in params["grid"]]
        documents = []
        for image in self.decode(params):
            colours = to_bytes(image[None])[::4, ::4].tolist()
            cells = [
                f'<rect x="{4 * x}" y="{4 * y}" width="4" height="4" fill="#{r:02x}{g:02x}{b:02x}"/>'
                for y, row in enumerate(colours)
                for x, (r, g, b) in enumerate(row)
            ]
            head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[1]}" height="{size[0]}">'
            documents.append(f"{head}{''.join(cells)}</svg>")
        return documents


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toys.yaml").write_text(SETTINGS)
    return tmp_path


def draw(*words: str) -> int:
    return run([*words, "--config", "toys.yaml", "--quiet"])


def test_draws_an_svg_with_its_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("a <fox>", "--seed", "7", "-o", "fox.svg") == 0
    assert capsys.readouterr().out == "fox.svg\n"
    assert draw("a <fox>", "--seed", "7", "-o", "fox.png") == 0
    about = metadata.read(Path("fox.svg"))
    assert about == metadata.read(Path("fox.png")) and about.prompt == "a <fox>"
    pixels = torch.as_tensor(bytearray(to_bytes(rendered(Path("fox.svg").read_text(), 32)[None, :3])))
    from PIL import Image

    with Image.open("fox.png") as image:
        wanted = torch.as_tensor(bytearray(image.convert("RGB").tobytes()))
    assert (pixels.int() - wanted.int()).abs().max() <= 1


def test_show_and_again_read_an_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("a fox", "--seed", "7", "-o", "one/fox.svg") == 0
    assert run(["show", "one/fox.svg"]) == 0
    assert "prompt:   a fox" in capsys.readouterr().out
    assert run(["again", "one/fox.svg", "-o", "two/", "--quiet"]) == 0
    assert Path("one/fox.svg").read_bytes() == Path("two/a-fox.svg").read_bytes()
    assert run(["again", "one/fox.svg", "-o", "two/fox.png", "--quiet"]) == 0
    assert metadata.read(Path("two/fox.png")).prompt == "a fox"
    assert run(["again", "two/fox.png", "-o", "three/fox.svg", "--quiet"]) == 0
    assert Path("one/fox.svg").read_bytes() == Path("three/fox.svg").read_bytes()


def test_names_are_numbered_and_patterns_filled(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("a fox", "-n", "2", "--seed", "7", "-o", "fox.svg", "batch=2") == 0
    assert draw("a fox", "-n", "2", "--seed", "7", "-o", "fox-[seed].svg", "batch=2") == 0
    names = capsys.readouterr().out.split()
    assert names == ["fox.svg", "fox-2.svg", "fox-7.svg", "fox-8.svg"]
    first, second, *rest = (Path(name).read_bytes() for name in names)
    assert first != second and first == rest[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generator=toy", "-o", "fox.svg"], "generator toy has no vector output"),
        (["generator=toy", "-o", "fox.svg"], "generator.type=checks"),
        (["generator=toy", "-o", "[seed].SVG"], "generator toy has no vector output"),
        (["filters.grey.type=monochrome", "-o", "fox.svg"], "filters.grey=null"),
        (["-o", "fox.svgz"], "did you mean '.svg'?"),
    ],
)
def test_what_cannot_be_an_svg_is_refused_before_drawing(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw("a fox", *words) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err and len(err.splitlines()) == 1
    assert not list(folder.rglob("*.svg"))


def test_again_refuses_what_has_no_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("a fox", "-o", "fox.svg") == 0
    assert run(["again", "fox.svg", "generator.type=toy", "-o", "two.svg"]) == 2
    assert "generator toy has no vector output" in capsys.readouterr().err


def test_a_generator_whose_svg_fails_costs_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("a fox", "generator.wrong=true", "-o", "fox.svg") == 1
    out, err = capsys.readouterr()
    assert out == "fox.png\n" and "no opening <svg> tag" in err and metadata.read(Path("fox.png")).prompt == "a fox"


def test_commands_without_a_generator_of_choice_make_pixels_only() -> None:
    with pytest.raises(pixgen.UsageError, match="cannot save '.svg'"):
        naming.output_path("fox.svg", "a fox")


def test_generate_gives_and_saves_svgs(folder: Path) -> None:
    made = pixgen.generate("a fox", count=2, seed=7, config="toys.yaml")
    assert len(made.svgs()) == 2 and made.svgs()[0] != made.svgs()[1]
    assert [path.name for path in made.save("fox.svg")] == ["fox.svg", "fox-2.svg"]
    assert metadata.read(folder / "fox-2.svg").seed == 8
    made = pixgen.generate("a fox", config="toys.yaml", generator="toy")
    with pytest.raises(pixgen.UsageError, match="generator toy has no vector output"):
        made.save("fox.svg")
