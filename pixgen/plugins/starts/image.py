"""A start from a picture file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from pixgen.backend.tensors import Size
from pixgen.contracts import STORED_WHEN_SET, Params, Session, Start
from pixgen.io.pictures import Fitted
from pixgen.registry import register


@register("start", "image")
@dataclass
class Image(Start):
    """Starts from a picture, centre-cropped, resized and encoded; attempts differ in their noise alone."""

    path: Path
    """The picture file: PNG, JPEG, WebP, TIFF, BMP or GIF."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the picture (values 0 to 1) before it is encoded; at least 0."""
    first_frame: bool = field(default=False, metadata=STORED_WHEN_SET)
    """Take the first frame of a file that moves."""

    _image: Fitted | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise ValueError(f"noise is {self.noise}; it must be at least 0")

    def prepare(self, session: Session) -> None:
        """Read the file. Raises UsageError if it is missing or not a picture."""
        self._image = Fitted(self.path, self.first_frame)

    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        if self._image is None:
            self.prepare(session)
        assert self._image is not None
        image = self._image(size)
        if self.noise > 0:
            random = session.streams[index].generator("start", attempt)
            image = (image + self.noise * torch.randn(image.shape, generator=random)).clamp(0, 1)
        return session.generator.encode(image.to(session.device))
