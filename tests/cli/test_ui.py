"""`pixgen ui` says in one line what keeps it from starting."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from pixgen.cli.main import run


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_gradio_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find: Any = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "gradio" else find(name, *rest)
    )
    assert run(["ui"]) == 2
    assert capsys.readouterr().err == 'pixgen: pixgen ui needs Gradio: pip install -c constraints.txt ".[ui]"\n'


@pytest.mark.parametrize("words", [["--port", "70000"], ["--port=x"], ["--folder", "taken.txt"], ["--folder", "a\0b"]])
def test_what_cannot_be_is_misuse(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: object())
    Path("taken.txt").write_text("x")
    assert run(["ui", *words]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.extras
@pytest.mark.filterwarnings("ignore")
def test_a_port_in_use_is_said_with_the_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["ui", "--port", str(port)]) == 1
    assert f"port {port} is in use by another program; choose another: --port {port + 1}" in capsys.readouterr().err
