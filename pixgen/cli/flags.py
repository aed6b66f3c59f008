"""From the words of a command line to layers of settings: what each flag stands for, and where the rest comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pixgen.errors import UsageError
from pixgen.io import paths
from pixgen.settings import methods

if TYPE_CHECKING:
    from pixgen.io.yaml_files import Layer


def settings(
    seed: int | None = None,
    size: str | None = None,
    steps: int | None = None,
    device: str | None = None,
    init_image: str | None = None,
    model: str | None = None,
) -> dict[str, dict[str, Any]]:
    """The flags that were given -> the settings that each stands for. Raises UsageError for a missing picture."""
    plain = {"seed": seed, "size": size, "steps": steps, "device": device}
    given: dict[str, dict[str, Any]] = {f"--{name}": {name: v} for name, v in plain.items() if v is not None}
    if model is not None:
        from pixgen.settings import model_pair

        given["--model"] = model_pair.settings(model)
    if init_image is not None:
        from pixgen.io import image_files

        picture = paths.written(init_image)
        if not picture.exists():
            raise UsageError(f"there is no picture {init_image!r} (--init-image)")
        image_files.require_file(picture)
        # Every start from a picture is the same, so there are none to choose from.
        given["--init-image"] = {"start": {"type": "image", "path": init_image}, "starts": 1}
    return given


def method(given: Mapping[str, Any], name: str | None, **options: Any) -> dict[str, dict[str, Any]]:
    """What --method and the options of its start stand for. Raises UsageError where another flag contradicts it."""
    found = methods.settings(name or "loop", **options)
    if not found:
        return {}
    for flag in given.keys() & {"--steps", "--init-image"}:
        raise UsageError(f"{flag} is for the optimisation loop, which --method {name} does not run; leave out one")
    return {"--method": found}


def layers(
    assignments: Sequence[str], given: Mapping[str, Mapping[str, Any]], plugins: Sequence[str] = ()
) -> list[Layer]:
    """What the command line says, a layer for each flag and each KEY=VALUE. Runs the plugin files."""
    from pixgen import registry
    from pixgen.io.yaml_files import Layer
    from pixgen.settings.layers import parse_assignments

    assigned = parse_assignments(assignments)
    for file in plugins:
        registry.load_file(file)
    return [*(Layer(values, flag, kind="flag") for flag, values in given.items()), *assigned]


def gather(
    prompt: str | None,
    assignments: Sequence[str],
    given: Mapping[str, Mapping[str, Any]],
    presets: Sequence[str] = (),
    config_file: str | None = None,
    plugins: Sequence[str] = (),
) -> list[Layer]:
    """All layers of a command line, the user's own files beneath them. Runs the plugin files."""
    from pixgen.io.yaml_files import Layer
    from pixgen.settings import layers as files

    typed = layers(assignments, given, plugins)
    first = [] if prompt is None else [Layer({"prompt": prompt}, "the prompt")]
    return files.gather(presets, config_file, [*first, *typed])
