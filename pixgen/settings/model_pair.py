"""The models of one drawing by one name: `--model PAIR`, a folder that `pixgen train` made or a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pixgen.errors import UsageError, did_you_mean, shown
from pixgen.io import paths, shell
from pixgen.models import zoo
from pixgen.settings.layers import load_user

FILES = {"perceptor.safetensors": "clip", "vqgan.safetensors": "vqgan"}
"""What a folder must hold to draw, and the training that makes it. A start that reads more looks in the same folder."""


def settings(name: str) -> dict[str, Any]:
    """What `--model NAME` stands for: `pixgen-tiny`, a folder of weights, or one model of `pixgen models list`.

    Raises UsageError where there is no such thing, or a folder lacks a file.
    """
    if name == zoo.EMBEDDED:
        return {"generator": {"type": "vqgan", "model": name}, "perceptors": _only_tiny("")}
    folder = paths.written(name)
    if folder.is_dir():
        for file, training in FILES.items():
            if not (folder / file).is_file():
                raise UsageError(f"{folder} has no {file}; make it with `{_command(training, folder)}` (--model)")
        whole = folder.resolve()  # a picture that is drawn again may be asked for from elsewhere
        generator = {"type": "vqgan", "model": str(whole / "vqgan.safetensors")}
        return {"generator": generator, "perceptors": _only_tiny(str(whole / "perceptor.safetensors"))}
    entry = zoo.find(name)
    if entry is not None and entry.kind == "vqgan":
        return {"generator": {"type": "vqgan", "model": name}}
    if entry is not None:
        id = name.replace("/", "-").replace(".", "-")
        return {"perceptors": {"tiny": None, id: {"type": "open_clip", "model": name}}}
    known = [zoo.EMBEDDED, *(entry.name for entry in zoo.entries())]
    raise UsageError(
        f"there is no folder and no model {shown(name)}{did_you_mean(name, known)}; give the folder that "
        f"`pixgen train` ended with (runs/pair), {zoo.EMBEDDED}, or a name of `pixgen models list` (--model)"
    )


def folder_of(model: str) -> Path | None:
    """The folder of a VQGAN's file, where the other weights of its pair are; None for a model called by name."""
    path = paths.existing(model)
    return path.parent if path and path.name == "vqgan.safetensors" and path.is_file() else None


def _only_tiny(path: str) -> dict[str, Any]:
    """The perceptor that goes with such a VQGAN, in place of those that the user's own settings name."""
    others: dict[str, Any] = {id: None for layer in load_user() for id in layer.values.get("perceptors") or {}}
    return others | {"tiny": {"type": "tiny", "path": path}}


def _command(training: str, folder: Path) -> str:
    runs, quick = (folder.parent.parent, ["--quick"]) if folder.parent.name == "quick" else (folder.parent, [])
    return shell.command(f"train {training}", [], ["--runs", str(runs), *quick] if folder.name == "pair" else [])
