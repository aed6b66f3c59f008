"""A start from a picture file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.io.pictures import fit, read
from pixgen.registry import register


@register("start", "image")
@dataclass
class Image(Start):
    """A picture, cropped to the wanted shape about its middle, resized and encoded; attempts differ in noise alone."""

    path: Path
    """PNG, JPEG, WebP, ...: any that Pillow reads."""
    noise: float = 0.0
    """Standard deviation of noise added to the picture before it is encoded."""

    _image: Tensor | None = field(init=False, repr=False, compare=False, default=None)

    def prepare(self, session: Session) -> None:
        """Read the file. Raises UsageError when it is missing or no picture."""
        self._image = read(self.path)

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        if self._image is None:
            self.prepare(session)
        assert self._image is not None
        image = fit(self._image, size)
        if self.noise > 0:
            random = session.streams[index].generator("start", attempt)
            image = (image + self.noise * torch.randn(image.shape, generator=random)).clamp(0, 1)
        return session.generator.encode(image.to(session.device))
