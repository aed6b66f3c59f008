"""The command line that draws a picture of a list: its settings as `key=value` words, to copy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pixgen.batch.job import Settings
from pixgen.io import shell
from pixgen.io.terminal import visible
from pixgen.io.yaml_files import Layer
from pixgen.settings import config as configs


def assignments(settings: Settings) -> list[str]:
    """The `key=value` words that differ from the defaults; `resolve` reads them back to equal settings."""
    return list(_assignments(settings.text))


@lru_cache(maxsize=64)
def _assignments(stored: str) -> tuple[str, ...]:
    wanted: dict[str, Any] = json.loads(stored)
    # The generator and the models bring defaults of their own along, so they are said first.
    chosen = {key: wanted[key] for key in ("generator", "perceptors")}
    plain = _settings(configs.to_dict(configs.resolve([])))
    first = _differences(chosen, {key: plain[key] for key in chosen}, "")
    base = configs.resolve([Layer(_nested(word), "a word") for word in first])
    rest = _differences(wanted, _settings(configs.to_dict(base)), "")
    return tuple(f"{key}={_text(value)}" for key, value in [*first, *rest])


def command(settings: Settings, prompt: str, seed: int) -> str:
    """A `pixgen` command, quoted for a POSIX shell, that draws this picture."""
    return shell.draw(prompt, ["--seed", str(seed)], assignments(settings))


def _settings(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in ("prompt", "seed")}


def _differences(wanted: Mapping[str, Any], plain: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key in plain.keys() - wanted.keys() if where in configs.TERMS else ():
        found.append((f"{where}.{key}", None))
    for key, value in wanted.items():
        path, old = f"{where}.{key}" if where else key, plain.get(key)
        if value == old and key in plain:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping) and value.get("type") == old.get("type"):
            found += _differences(value, old, path)
        else:
            found.append((path, value))
    return found


def _nested(word: tuple[str, Any]) -> dict[str, Any]:
    key, value = word
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _text(value: Any) -> str:
    plain = (
        isinstance(value, str) and re.fullmatch(r"[A-Za-z][\w./-]*", value) and value not in ("true", "false", "null")
    )
    # YAML reads the escapes of JSON and of `visible`; a control character as it is would not be YAML.
    return value if plain else visible(json.dumps(value, ensure_ascii=False))
