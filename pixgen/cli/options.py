"""What the commands that draw share: from the words of a command line to a whole config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from pixgen.errors import UsageError
from pixgen.settings import methods

if TYPE_CHECKING:
    from pixgen.settings.config import RenderConfig

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
"""How every command speaks of itself."""


def preset_names(_: click.Context, __: click.Parameter, beginning: str) -> list[CompletionItem]:
    """The presets that begin so, with their descriptions, for the shell."""
    from pixgen.settings import layers

    return [CompletionItem(name, help=about) for name, about in layers.presets().items() if name.startswith(beginning)]


def flags(
    seed: int | None = None,
    size: str | None = None,
    steps: int | None = None,
    device: str | None = None,
    init_image: str | None = None,
    model: str | None = None,
) -> dict[str, dict[str, Any]]:
    """What the flags that were given say: flag -> the settings that it stands for."""
    plain = {"seed": seed, "size": size, "steps": steps, "device": device}
    said: dict[str, dict[str, Any]] = {f"--{name}": {name: v} for name, v in plain.items() if v is not None}
    if model is not None:
        from pixgen.settings import model_pair

        said["--model"] = model_pair.settings(model)
    if init_image is not None:
        if not Path(init_image).is_file():
            raise UsageError(f"there is no picture {init_image!r} (--init-image)")
        # Every start from a picture is alike, so there is nothing to choose from.
        said["--init-image"] = {"start": {"type": "image", "path": init_image}, "starts": 1}
    return said


def method(said: Mapping[str, Any], name: str | None, **options: Any) -> dict[str, dict[str, Any]]:
    """What --method and the options of its start say, beside the other flags. Raises UsageError where they clash."""
    found = methods.settings(name or "loop", **options)
    if not found:
        return {}
    for flag in said.keys() & {"--steps", "--init-image"}:
        raise UsageError(f"{flag} is the loop's, and --method {name} draws without it; leave one of them out")
    return {"--method": found}


def resolve(
    prompt: str | None,
    settings: Sequence[str],
    said: Mapping[str, Mapping[str, Any]],
    presets: Sequence[str] = (),
    config_file: str | None = None,
    plugins: Sequence[str] = (),
) -> RenderConfig:
    """The config of all that was said, checked; an `auto` still is one. Runs the plugin files."""
    from pixgen import registry
    from pixgen.io.yaml_files import Layer
    from pixgen.settings import config
    from pixgen.settings.layers import gather, parse_assignments

    assigned = parse_assignments(settings)
    for file in plugins:
        registry.load_file(file)
    asked = [] if prompt is None else [Layer({"prompt": prompt}, "the prompt")]
    layers = [*asked, *(Layer(values, flag) for flag, values in said.items()), *assigned]
    return config.resolve(gather(presets, config_file, layers))
