"""A random start, as the generator defines it."""

from __future__ import annotations

from dataclasses import dataclass

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.registry import register


@register("start", "random")
@dataclass
class Random(Start):
    """Starts from the generator's random parameters (`generator.init`); every attempt has its own random stream."""

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        own = session.streams[index].generator("start", attempt)
        return session.generator.init(size, Streams(own.initial_seed()))
