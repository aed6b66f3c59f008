"""The contract of a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from pixgen.frame import Frame, Session

Reads = Literal["images", "params", "cutouts", "embeddings"]


class Loss(ABC):
    """One value a picture, `(B,)`, unweighted, lower is better. The term that names it holds its weight.

    `reads` decides how the loop differentiates it:

    - "images": once a step, on `frame.images`.
    - "params": once a step, on `frame.params`.
    - "cutouts": every cutout on its own. Called chunk by chunk, once a perceptor, and returns the MEAN over the
      cutouts it is given (`frame.view`); the loop weighs each chunk by its share of all cutouts.
    - "embeddings": needs all cutouts' embeddings together. Called once a perceptor with `frame.view.embeddings`
      of all N cutouts (`frame.view.cutouts` is None).

    A loss on "cutouts" or "embeddings" must treat the pictures of a batch independently, as every loss must.
    """

    reads: ClassVar[Reads]

    def prepare(self, session: Session) -> None:  # noqa: B027 (optional by design)
        """Look at the session once before the first step: encode prompts, load references."""

    @abstractmethod
    def __call__(self, frame: Frame) -> Tensor:
        """The loss of each picture, float32 (B,)."""
