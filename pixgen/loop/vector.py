"""Finished pictures as SVG documents, of generators that have vector output."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pixgen import registry
from pixgen.backend.isolation import isolated
from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params
from pixgen.errors import PixgenError, UsageError
from pixgen.settings.config import RenderConfig


def generators() -> list[str]:
    """The names of the generators that have vector output."""
    return [name for name in registry.names("generator") if getattr(registry.get("generator", name), "has_svg", False)]


def require(config: RenderConfig, what: str) -> None:
    """Raise UsageError, beginning with `what`, where pictures of this config cannot be had as SVG.

    That is a generator without vector output, or a filter of finished pictures: it changes pixels, which an SVG does
    not have.
    """
    name, those = str(config.generator["type"]), generators()
    if name not in those:
        names = " or ".join(f"generator.type={known}" for known in those) or "none here"
        raise UsageError(
            f"{what}: generator {name} has no vector output; save as .png, or choose one that has: {names}"
        )
    kinds = {id: registry.get("filter", str(options["type"])) for id, options in config.filters.items()}
    last = [id for id, kind in kinds.items() if not getattr(kind, "only_while_optimising", False)]
    if last:
        first = last[0]
        raise UsageError(
            f"{what}: filters.{first} changes pixels, which an SVG does not have; save as .png, or leave it out with "
            f"filters.{first}=null"
        )


@dataclass(frozen=True)
class Vector:
    """What the SVG documents of some pictures are made from: params of a generator that has vector output.

    size: of the pictures, in pixels.
    """

    generator: Generator
    params: Params
    size: Size

    def documents(self) -> list[str]:
        """An SVG document for each picture. Raises PixgenError where the generator gives another number of them."""
        with isolated(None), torch.no_grad():
            found = self.generator.to_svg(self.params, self.size)
        count = len(next(iter(self.params.values())))
        if not isinstance(found, list) or len(found) != count or not all(isinstance(text, str) for text in found):
            raise PixgenError(f"{type(self.generator).__name__}.to_svg must return a list of {count} SVG documents")
        return found
