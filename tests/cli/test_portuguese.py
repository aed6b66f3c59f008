"""The main command speaks Portuguese where the locale does, and English elsewhere."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from pixgen import registry
from pixgen.cli import console, portuguese
from pixgen.cli.main import _Lines, run
from pixgen.errors import UsageError
from pixgen.io import files
from pixgen.prompts.grammar import Prompt
from pixgen.testing import ToyPerceptor
from pixgen.ui import looking, uploads
from pixgen.ui.altering import Alteration
from pixgen.ui.choices import Choices

SETTINGS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
starts: 1
cutouts: 4
stages: [{steps: 1, size: 1}]
"""


@registry.register("perceptor", "forgetful")
@dataclass
class Forgetful(ToyPerceptor):
    """A toy that never learnt some words."""

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        return {"zorp": ["zip", "zap"], "blib": []}

    def pieces(self, text: str) -> list[str]:
        return text.split()


@pytest.fixture(autouse=True)
def brazil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    monkeypatch.chdir(tmp_path)


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: object, **__: object) -> Any:
        raise error

    return function


def draw(*words: str, toys: bool = True) -> Callable[[], object]:
    """Run a command line, by default one that draws with toys."""
    more = ["--plugin", "toys_pt.py", "--config", "toys.yaml", "--size", "32x32", "--steps", "3"] if toys else []
    return lambda: run([*words, *more])


def patched(target: str, value: Any, act: Callable[[], object]) -> Callable[[], object]:
    def action() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, value)
            act()

    return action


def bad_picture(name: str, *words: str) -> Callable[[], object]:
    def action() -> None:
        if name == "text.png":
            Path(name).write_text("no picture")
        elif name in ("short.png", "large.png"):
            Image.effect_noise((64, 64), 90).save(name)
            Path(name).write_bytes(Path(name).read_bytes()[: 2_000 if name == "short.png" else None])
        else:
            frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
            frames[0].save(name, save_all=True, append_images=frames[1:])
        draw("a fox", "--init-image", name, *words)()

    return action


def on_the_page(act: Callable[[], object]) -> Callable[[], object]:
    """What the page of `pixgen ui` does; there the line is shown in the browser."""

    def action() -> None:
        with pytest.raises(UsageError) as error:
            act()
        console.say(str(error.value))

    return action


def variation() -> None:
    Image.new("RGB", (128, 128), "red").save("red.png")
    patched("pixgen.editing.operations.is_unlike", lambda *_: True, draw("vary", "red.png", "-n", "1", toys=False))()


def several_things() -> None:
    start = registry.create("start", {"type": "dalle1"})
    start.prepare(SimpleNamespace(prompts=[[Prompt("a cat and a dog")]], device="cpu"))  # type: ignore[arg-type]


def no_room() -> None:
    start = registry.create("start", {"type": "dalle1"})
    perceptor = SimpleNamespace(unread=lambda text: text[-3:])
    pair = SimpleNamespace(perceptor=perceptor, from_text=lambda *_, **__: None)
    start.grids(pair, [Prompt("a fox")], None)


def refused(code: int) -> Callable[[], object]:
    """Draw where the system refuses to write."""
    act = draw("a fox", "-o", "out/")
    return patched("pathlib.Path.write_bytes", raising(OSError(code, os.strerror(code))), act)


def saved_elsewhere(code: int) -> Callable[[], object]:
    """Draw where the system takes nothing into the folder once the picture is there."""
    real = files.write

    def write(path: Path, data: bytes, *, overwrite: bool = False) -> Path:
        if path.parent.name == "out":
            with files._refusals(path):
                raise OSError(code, os.strerror(code))
        return real(path, data, overwrite=overwrite)

    return patched("pixgen.io.files.write", write, draw("a fox", "-o", "out/"))


def taken() -> None:
    Path("taken").write_text("a file")
    draw("a fox", "-o", "taken/")()


GATHER = "pixgen.cli.flags.gather"
ACTIONS: dict[str, Callable[[], object]] = {
    "seed {seed}, {done} of": draw("a fox"),
    "stopped after": patched("pixgen.cli.progress.Bar.show", raising(KeyboardInterrupt()), draw("a fox")),
    "stopped before": patched("pixgen.cli.progress.Bar.__enter__", raising(KeyboardInterrupt()), draw("a fox")),
    "interrupted": patched(GATHER, raising(KeyboardInterrupt()), draw("a fox")),
    "step {step}, loss {loss}, {rate} it/s, {left}": draw("a fox"),
    "step {step}, loss {loss}, {rate} it/s": draw("a fox"),
    "perceptor {name} never learnt the word {word}; the": draw("a fox", "perceptors.toy.type=forgetful"),
    "perceptor {name} never learnt the word {word}; it": draw("a fox", "perceptors.toy.type=forgetful"),
    "the prompt is longer": draw("a fox", "perceptors.toy.type=forgetful"),
    "start dalle1 has no room": no_room,
    "{written} is not how": draw("a fox : 0.5"),
    "size {asked}": draw("a fox", "size=33x30"),
    "the prompt is empty": draw(" "),
    "the prompt has": draw("a" * 20_000),
    "the prompt holds": draw("a\x01"),
    "{word} is a setting": draw("steps=3", toys=False),
    "{word} is not KEY": draw("a", "fox", toys=False),
    "there is no command": draw("docter", toys=False),
    "there is no preset": draw("a fox", "-p", "draff"),
    "there is no picture {name} (--": draw("a fox", "--init-image", "none.png"),
    "there is no picture {name}": draw("vary", "none.png", toys=False),
    "{name} is not a picture that can be read (": bad_picture("short.png"),
    "{name} is not a picture that can be read; it must": bad_picture("text.png"),
    "{name} moves": bad_picture("moves.png"),
    "{name} has more than": patched("PIL.Image.MAX_IMAGE_PIXELS", 1_000, bad_picture("large.png")),
    "{name} cannot be the name": draw("a fox", "-o", "x" * 250 + ".png"),
    "{name} has no home": draw("a fox", "-o", "~no-such-user-here/x.png"),
    "{what} takes about": draw("a fox", "--size", "16384x16384", toys=False),
    "a {kind} holds": draw("a fox", "--size", "16384x16384", "--allow-large", "-o", "a.webp", toys=False),
    "cannot write to {name}: {need} MB": patched(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=10), draw("a fox", "-o", "out/")
    ),
    "cannot write to {name}: {reason}; make room or choose another place with -o; it": saved_elsewhere(errno.ENOSPC),
    "cannot write to {name}: {reason}; choose another place with -o; it": saved_elsewhere(errno.EACCES),
    "threads is {wanted}": draw("a fox", "threads=100000"),
    "{name} is unlike": variation,
    "{prompt} names": several_things,
    "there is no plugin file": draw("a fox", "--plugin", "none.py"),
    "cannot read": draw("a fox", "--config", "none.yaml", toys=False),
    "cannot write to {name}: {reason}; make room or choose another place with -o": refused(errno.ENOSPC),
    "cannot write to {name}: {reason}; choose another place with -o": refused(errno.EACCES),
    "{name} is a file": taken,
    "{name} is {value}; it must be a whole": on_the_page(lambda: Choices("a fox", steps="x").config()),
    "there are {count} settings": on_the_page(lambda: Choices("a fox", more="steps=1\n" * 300).config()),
    "method {name} samples": on_the_page(lambda: Choices("a fox", method="dalle1", start=Path("fox.png")).config()),
    "the picture is not there": on_the_page(lambda: uploads.look("none.png")),
    "the picture has {count} bytes": patched(
        "pixgen.ui.uploads.MOST_BYTES", 1, on_the_page(lambda: uploads.look("toys.yaml"))
    ),
    "nothing is painted": on_the_page(lambda: uploads.keep_mask(Path(), [], (8, 8))),
    "say what the picture shows now, or": on_the_page(Alteration(Path("x.png"), text="a fox").require_sense),
    "{count} variations": on_the_page(Alteration(Path("x.png"), count=0).require_sense),
    "choose a picture to classify": on_the_page(lambda: looking.classify(None, None, "a,b")),  # type: ignore[arg-type]
    "unexpected": patched(GATHER, raising(RuntimeError("strange")), draw("a fox")),
}
"""How each row's line begins (|: or), and what makes pixgen print it."""


def row(beginning: str) -> str:
    if beginning in portuguese.LINES:
        return beginning
    return next(english for english in portuguese.LINES if english.startswith(tuple(beginning.split("|"))))


def test_every_row_is_one_that_pixgen_prints() -> None:
    assert sorted(map(row, ACTIONS)) == sorted(portuguese.LINES)


@pytest.mark.slow
@pytest.mark.parametrize("beginning", ACTIONS)
def test_a_row_is_printed_and_comes_out_in_portuguese(
    beginning: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("toys_pt.py").write_text("import pixgen.testing\n")
    Path("toys.yaml").write_text(SETTINGS)
    printed: dict[str, list[str]] = {}
    handler = _Lines(logging.WARNING)
    logging.getLogger("pixgen").addHandler(handler)
    try:
        for language in ("C", "pt_BR.UTF-8"):
            monkeypatch.setenv("LC_ALL", language)
            ACTIONS[beginning]()
            printed[language] = [line.removeprefix("pixgen: ") for line in capsys.readouterr().err.splitlines()]
    finally:
        logging.getLogger("pixgen").removeHandler(handler)
    english = row(beginning)
    assert english in [found[0] for line in printed["C"] if (found := portuguese.find(line))], printed["C"]
    assert english not in [found[0] for line in printed["pt_BR.UTF-8"] if (found := portuguese.find(line))]
    translated = ".+".join(map(re.escape, re.split(r"\{\w+\}", portuguese.LINES[english])))
    assert any(re.fullmatch(translated, line) for line in printed["pt_BR.UTF-8"]), printed["pt_BR.UTF-8"]


@pytest.mark.parametrize(("english", "translated"), portuguese.LINES.items())
def test_both_sides_of_the_table_have_the_same_gaps(english: str, translated: str) -> None:
    gaps = re.findall(r"\{(\w+)\}", english)
    assert sorted(gaps) == sorted(re.findall(r"\{(\w+)\}", translated)) and len(gaps) == len(set(gaps))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([" "], "o prompt está vazio; diga o que desenhar"),
        (["a" * 20_000], "o prompt tem 20,000 caracteres; o máximo é 10,000. Encurte-o"),
        (["a\x01"], "o caractere de controle U+0001 na posição 1; remova-o"),
        (["steps=3"], "'steps=3' é um ajuste, não um prompt"),
        (["uma", "raposa"], 'precisa de aspas: pixgen "uma raposa"'),
        (["docter"], "não existe o comando 'docter'; você quis dizer: pixgen doctor"),
        (["uma raposa", "-p", "draff"], "não existe o preset 'draff'; você quis dizer 'draft'?"),
        (["uma raposa", "--init-image", "x.png"], "não existe a imagem 'x.png' (--init-image)"),
        (["uma raposa", "--plugin", "x.py"], "não existe o arquivo de plugin 'x.py'"),
        (["uma raposa", "--config", "x.yaml"], "não é possível ler 'x.yaml'"),
        (["uma raposa", "stepz=3"], "did you mean 'steps'?"),  # not in the table: better English than nothing
    ],
)
def test_mistakes_are_said_in_portuguese(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert said in capsys.readouterr().err


def test_drawing_speaks_portuguese(capsys: pytest.CaptureFixture[str]) -> None:
    Path("toys_pt.py").write_text("import pixgen.testing\n")
    Path("toys.yaml").write_text(SETTINGS)
    words = ["uma raposa", "--plugin", "toys_pt.py", "--config", "toys.yaml", "--size", "32x32", "--seed", "7"]
    assert run([*words, "--steps", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(Path("outputs/uma-raposa.png"))
    assert "passo 2/2, perda" in err and "semente 7, 2 de 2 passos" in err and "step" not in err


@pytest.mark.parametrize(("variable", "value"), [("LC_ALL", "C"), ("LC_ALL", "en_US.UTF-8"), ("LANG", "de_DE.UTF-8")])
def test_elsewhere_it_is_english(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    assert run([""]) == 2
    assert "the prompt is empty" in capsys.readouterr().err
