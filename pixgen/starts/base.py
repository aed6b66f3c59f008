"""The contract of a start: where the optimisation begins."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pixgen.frame import Params, Session, Size


def weights_in(folder: str, networks: Sequence[str]) -> list[str]:
    """The files of these networks in a folder; none for an empty one, which stands for what comes with pixgen."""
    return [str(Path(folder) / f"{network}.safetensors") for network in networks] if folder else []


class Start(ABC):
    """Gives the first params of one picture. Subclasses are dataclasses of their options."""

    least: ClassVar[int] = 0
    """Shorter side in pixels below which this start shows nothing: no stage is smaller, if the picture is not."""

    def prepare(self, session: Session) -> None:  # noqa: B027 (optional by design)
        """Load what is needed, once."""

    @abstractmethod
    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        """First params (first dimension 1) of picture `index` at `size`.

        `attempt` counts the tries when the best of several starts is kept: another attempt, another draw,
        from the stream (seed, "start", attempt).
        """
