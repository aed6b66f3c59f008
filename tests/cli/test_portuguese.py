"""The main command speaks Portuguese where the locale does, and English elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixgen.cli import portuguese
from pixgen.cli.main import run

SETTINGS = """
generator: toy
perceptors: {tiny: null, toy: {type: toy}}
starts: 1
cutouts: 4
stages: [{steps: 1, size: 1}]
"""


@pytest.fixture(autouse=True)
def brazil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LC_ALL", "pt_BR.UTF-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("english", "translated"), portuguese.LINES.items())
def test_both_sides_of_the_table_have_the_same_gaps(english: str, translated: str) -> None:
    gaps = re.findall(r"\{(\w+)\}", english)
    assert sorted(gaps) == sorted(re.findall(r"\{(\w+)\}", translated)) and len(gaps) == len(set(gaps))
    filled = {name: f"<{name}>" for name in gaps}
    assert portuguese.translate(english.format_map(filled)) == translated.format_map(filled)


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
