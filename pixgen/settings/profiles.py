"""The loop settings that suit a choice of models, and which models are the default.

A user never draws with a big pair under the settings of the small one that comes with pixgen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pixgen.errors import UsageError, did_you_mean
from pixgen.io import files, paths, resources
from pixgen.io.yaml_files import Layer, load_yaml
from pixgen.models import zoo
from pixgen.models.zoo import is_path
from pixgen.settings.model_pair import folder_of

TAMING, CLIP = "vqgan-imagenet-f16-16384", "ViT-B-32-openai"
"""Whose settings hold for models that have none of their own: files of the user's, what only open_clip knows."""


def layers(
    generator: Mapping[str, Any], perceptors: Iterable[Mapping[str, Any]], start: str | None = None
) -> list[Layer]:
    """The settings that suit these plugins' options, later ones winning: the CLIPs', the VQGAN's, the pair's.

    start: the type of start that was asked for; the pair's own where none was.
    """
    looks = list(perceptors)
    found = [_profile(str(look.get("model", CLIP)), CLIP) for look in looks if look.get("type") == "open_clip"]
    if generator.get("type") == "vqgan" and _model(generator) != "vqgan":
        found.append(_profile(str(generator["model"]), TAMING))
    # What somebody trained as pixgen-tiny was trained is drawn with as that is.
    for pair in zoo.pairs():
        if pair.generator == _model(generator) and sorted(pair.perceptors) == sorted(map(_model, looks)):
            found += [replace(pair.profile, kind="pair"), *_for_start(pair, start or _own_start(pair, generator))]
    return found


def editing(generator: Mapping[str, Any], perceptors: Iterable[Mapping[str, Any]]) -> list[Layer]:
    """The settings of these models for `vary`, `morph` and `edit`, later ones winning; their start is the codes."""
    names = sorted(map(_model, perceptors))
    found = []
    for pair in zoo.pairs():
        if pair.generator == _model(generator) and sorted(pair.perceptors) == names:
            profile = {key: value for key, value in pair.profile.values.items() if key != "start"}
            found += [Layer(profile, pair.profile.source, pair.profile.lines), pair.editing]
    return found


def bundles() -> dict[str, dict[str, Any]]:
    """What `pixgen models pull` takes beside single models: name -> {"about", gigabytes: {"generator", ...}}."""
    found: Any = load_yaml(resources.configs() / "models" / "bundles.yaml").values["bundles"]
    return dict(found)


def bundle(name: str, gigabytes: float) -> tuple[str, dict[str, Any]] | None:
    """The largest tier of a bundle that fits a GPU's memory, and what it holds; None if there is no such bundle.

    Raises UsageError where even its smallest does not fit.
    """
    if name not in bundles():
        return None
    tiers = {int(key): value for key, value in bundles()[name].items() if key.isdecimal()}
    # A card called 8 GB reports a little less.
    fitting = [size for size in tiers if size <= gigabytes * 1.05]
    if not fitting:
        raise UsageError(
            f"{name} needs a GPU of {min(tiers)} GB or more and {gigabytes:.1f} GB are here; the pair that comes with "
            f"pixgen needs none, or take it all the same: --memory {min(tiers)}"
        )
    return str(max(fitting)), tiers[max(fitting)]


def default_file() -> Path:
    """Where the default models are written down, if any were chosen: the settings beneath the user's own."""
    return resources.user_models()


def choose(generator: str | None, perceptors: Iterable[str] | None, settings: Mapping[str, Any] | None = None) -> Path:
    """Make these models the default from now on; None leaves that part as it was."""
    path = default_file()
    values: dict[str, Any] = dict(load_yaml(path).values) if path.is_file() else {}
    if generator is not None:
        values = {key: value for key, value in values.items() if key == "perceptors"}
        values["generator"] = {"type": "vqgan", "model": generator}
    if perceptors is not None:
        names = list(perceptors)
        values["perceptors"] = {"tiny": None} | {_id(name): {"type": "open_clip", "model": name} for name in names}
    values |= settings or {}
    text = "# Written by `pixgen models use`; `pixgen models use pixgen-tiny` removes it.\n" + yaml.safe_dump(
        values, sort_keys=False
    )
    return files.write(path, text.encode(), overwrite=True)


def reset() -> None:
    """The pair that comes with pixgen is the default again."""
    default_file().unlink(missing_ok=True)


def require_bundle_or_model(name: str) -> None:
    """Raise UsageError, with the nearest name, when this is neither a bundle nor a model."""
    known = [*bundles(), zoo.EMBEDDED, *(n for entry in zoo.entries() for n in (entry.name, *entry.aliases))]
    raise UsageError(f"there is no model or bundle {name!r}{did_you_mean(name, known)}; `pixgen models list` names all")


def _profile(model: str, otherwise: str) -> Layer:
    entry = None if is_path(model) else zoo.find(model)
    if entry is None or not entry.profile:
        entry = zoo.get(otherwise)
    return replace(zoo.profile(entry), kind="model")


def _own_start(pair: zoo.PairEntry, generator: Mapping[str, Any]) -> str:
    """The start that suits a pair, or a random one where its folder lacks what that reads."""
    own = str(pair.profile.values.get("start", "random"))
    folder = folder_of(str(generator.get("model", "")))
    return own if folder is None or (folder / f"{own}.safetensors").is_file() else "random"


def _for_start(pair: zoo.PairEntry, start: str) -> list[Layer]:
    """The start, and the settings of a pair that suit it."""
    own = start == pair.profile.values.get("start")
    chosen = Layer({"start": start}, pair.profile.source, pair.profile.lines if own else {}, "pair")
    return [chosen, *([replace(pair.starts[start], kind="pair's start")] if start in pair.starts else [])]


def is_embedded(model: str) -> bool:
    """Whether this is the VQGAN that comes with pixgen, or one that was trained as it was."""
    if model == zoo.EMBEDDED:
        return True
    if not is_path(model):
        return False
    from pixgen.models import vqgans  # imports torch, which settings alone do not need

    architecture = vqgans.described(paths.written(model))
    return architecture is not None and architecture["ddconfig"].get("ch", 128) < 64


def _model(options: Mapping[str, Any]) -> str:
    """By what name these options are known: the plugin's own where the model is pixgen's, or one trained alike."""
    model = str(options.get("model") or "")
    return str(options.get("type")) if not model or is_embedded(model) else model


def _id(model: str) -> str:
    """A perceptor's id in a config, from its model's name."""
    return model.replace("/", "-").replace(".", "-")
