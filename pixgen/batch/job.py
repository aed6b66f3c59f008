"""A job: one picture to draw, its settings before any `auto` is resolved, and its key in the manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pixgen.settings import config as configs
from pixgen.settings.config import RenderConfig


@dataclass(frozen=True)
class Settings:
    """A requested config, before any `auto` is resolved, without its prompt and seed.

    text: as canonical JSON, so that a manifest can be read without the plugins it was drawn with.
    """

    text: str

    @classmethod
    def of(cls, config: RenderConfig) -> Settings:
        """The settings of a config."""
        values = configs.to_dict(config)
        return cls(canonical({key: value for key, value in values.items() if key not in ("prompt", "seed")}))

    @cached_property
    def digest(self) -> str:
        """sha256 of the text, its first 32 digits."""
        return digest_of(self.text)

    @cached_property
    def config(self) -> RenderConfig:
        """The config, with seed `auto`. Raises UsageError if one of its plugins is missing."""
        return configs.from_dict(json.loads(self.text), "the manifest")


@dataclass(frozen=True)
class Job:
    """A picture to draw.

    key: digest of the requested config, prompt, seed and repeat number; two jobs of one key are one picture.
    name: of the file, if the row gives one.
    prompt: fully expanded. template: the prompt as the list has it, if that differs.
    repeat: number of earlier rows with the same text that leave the seed open. axes: the grid's values, by axis.
    """

    key: str
    name: str | None
    prompt: str
    template: str | None
    seed: int
    repeat: int
    axes: Mapping[str, Any]
    settings: Settings

    def config(self) -> RenderConfig:
        """The requested config with this prompt and seed."""
        return dataclasses.replace(self.settings.config, prompt=self.prompt, seed=self.seed)


def key_of(settings: Settings, prompt: str, seed: int, repeat: int) -> str:
    """The key of a job: what is drawn, and how many earlier rows ask for the same."""
    return digest_of(canonical([settings.digest, prompt, seed, repeat]))


def canonical(value: Any) -> str:
    """JSON with sorted keys: the same text for equal values."""
    return json.dumps(value, sort_keys=True, default=str)


def digest_of(text: str) -> str:
    """The first 32 hexadecimal digits of the text's sha256."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
