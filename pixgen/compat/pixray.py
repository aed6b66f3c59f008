"""For old notebooks: Pixray's calls, drawn by pixgen. `from pixgen.compat import pixray`.

    pixray.reset_settings()
    pixray.add_settings(prompts="a castle at night", drawer="pixel", quality="draft")
    settings = pixray.apply_settings()
    pixray.do_init(settings)
    pixray.do_run(settings)

What has no counterpart is named in a warning of the logger `pixgen` (see docs/pixray.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pixgen.compat import pixray_import, pixray_reading, pixray_run
from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.io.yaml_files import Layer

if TYPE_CHECKING:
    from pixgen.compat.imported import Imported
    from pixgen.loop.drawing import Drawing

__all__ = ["add_settings", "apply_settings", "do_init", "do_run", "get_settings", "reset_settings", "run"]

log = logging.getLogger(__name__)


@dataclass
class _Notebook:
    """What Pixray kept between its calls, which take no object that could hold it."""

    settings: dict[str, Any] = field(default_factory=dict)
    drawing: Drawing | None = None
    target: Path = Path("output.png")


_notebook = _Notebook()


def reset_settings() -> None:
    """Forget all settings and what was being drawn."""
    _notebook.settings, _notebook.drawing = {}, None


def add_settings(**settings: Any) -> None:
    """Set some of Pixray's settings, over those that were set before."""
    _notebook.settings |= settings


def get_settings() -> dict[str, Any]:
    """A copy of what was set."""
    return dict(_notebook.settings)


def apply_settings(do_both: bool = True, real_models: bool = False) -> SimpleNamespace:
    """Work the settings out and make the output folder.

    Gives a namespace for `do_init` and `do_run`: Pixray's settings by name, and `imported`, pixgen's.
    Raises UsageError for unknown settings, values of the wrong type, and where nothing says what to draw.
    """
    run = pixray_run.work_out(pixray_reading.check(_notebook.settings, "the settings"))
    imported = pixray_import.convert(run, real_models=real_models)
    if not imported.prompt:
        raise UsageError("nothing says what to draw; set it with add_settings(prompts=...)")
    for name, why in imported.lost.items():
        log.warning("lost: %s: %s", name, why)
    folder = _folder(run.outdir)
    folder.mkdir(parents=True, exist_ok=True)
    values = {**run.values, "size": run.size, "iterations": run.iterations, "num_cuts": run.num_cuts}
    return SimpleNamespace(**{**values, "outdir": str(folder), "output": run.output, "imported": imported})


def do_init(settings: SimpleNamespace) -> None:
    """Load the networks and make the first latent of what `apply_settings` gave."""
    from pixgen.loop.drawing import Drawing
    from pixgen.settings import config as configs
    from pixgen.settings.layers import gather

    imported: Imported = settings.imported
    layers = [Layer({"prompt": imported.prompt, **imported.settings}, "Pixray's settings")]
    config = configs.resolve_auto(configs.resolve(gather([], None, layers)))
    _notebook.drawing = Drawing([config])
    _notebook.target = Path(settings.outdir) / settings.output


def do_run(settings: SimpleNamespace, return_display: bool = False) -> bool:
    """Draw to the end and save the picture. True when it is done.

    return_display: stop after every `display_every` iterations, save what is reached, and give False; call it again
    to go on.
    """
    drawing = _notebook.drawing
    if drawing is None:
        raise UsageError("call do_init(settings) before do_run(settings)")
    every = max(1, pixray_run.iterations_of(settings.display_every, drawing.steps, "display_every"))
    for _ in drawing:
        if return_display and drawing.done % every == 0 and drawing.done < drawing.steps:
            _save(drawing)
            return False
    _save(drawing)
    return True


def run(prompts: str | None = None, drawer: str = "vqgan", **settings: Any) -> None:
    """All of it: forget, set, draw, save."""
    reset_settings()
    add_settings(**({} if prompts is None else {"prompts": prompts}), drawer=drawer, **settings)
    applied = apply_settings()
    do_init(applied)
    do_run(applied)


def add_custom_loss(name: str, loss: Callable[..., Any]) -> None:
    """Pixray's own kind of loss has another interface than pixgen's. Raises UsageError that says what to do."""
    raise UsageError(f"loss {name!r} is written for Pixray; `pixgen plugins new loss {name}` begins one for pixgen")


def _save(drawing: Drawing) -> None:
    metadata.save(drawing.images()[0], _notebook.target, drawing.metadata()[0], overwrite=True)


def _folder(pattern: str) -> Path:
    """`outputs/%DATE%_%SEQ%` -> the first folder of the day that does not exist yet."""
    pattern = pattern.replace("%DATE%", date.today().strftime("%Y%m%d"))
    if "%SEQ%" not in pattern:
        return Path(pattern)
    number = 1
    while Path(pattern.replace("%SEQ%", f"{number:02d}")).exists():
        number += 1
    return Path(pattern.replace("%SEQ%", f"{number:02d}"))
