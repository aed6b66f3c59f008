"""What a plugin author needs to know: the shapes of a run, and the base class of every kind of plugin.

A plugin is one class in one file: it derives from one of the classes below, is a dataclass of its options, and is
registered by name (`pixgen.registry.register`). Tensors: images are float32 (B, 3, H, W) in [0, 1], B pictures at a
time; every picture is treated independently of the others in its batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from pixgen.backend.streams import Streams
from pixgen.backend.tensors import Size
from pixgen.prompts.grammar import Prompt

__all__ = [
    "Cutter",
    "Filter",
    "FinishedRun",
    "Frame",
    "Generator",
    "Loss",
    "Params",
    "Perceptor",
    "Prompt",
    "Reads",
    "Scheduler",
    "Score",
    "Session",
    "Size",
    "Start",
    "Streams",
    "View",
]

Params = dict[str, Tensor]
"""What is optimised. Every tensor's first dimension is B, the pictures of the batch."""

Reads = Literal["images", "params", "cutouts", "embeddings"]
"""What a loss looks at, and with it how the loop differentiates it (see `Loss`)."""

STORED_WHEN_SET: Mapping[str, bool] = {"stored_when_set": True}
"""`field(default=..., metadata=STORED_WHEN_SET)`: an option that came later. At its default it is left out of a stored
config, so that the pictures drawn without it stay the same bytes."""

# -- what plugins are given ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class View:
    """What one perceptor sees of the pictures in one step (or in one chunk of it).

    perceptor: the perceptor's id in the config.
    cutouts: float32 (B, N, 3, S, S) in [0, 1], or None where only embeddings are at hand.
    matrices: float32 (B, N, 3, 3), cutout pixel coordinates -> image pixel coordinates, both in [-1, 1].
    embeddings: float32 (B, N, D), unit norm.
    """

    perceptor: str
    cutouts: Tensor | None
    matrices: Tensor
    embeddings: Tensor


@dataclass(frozen=True)
class Frame:
    """One step, everything in it computed once and shared.

    images: float32 (B, 3, H, W) in [0, 1], after the filters.
    alpha: float32 (B, 1, H, W) in [0, 1], or None where the generator has no transparency.
    view: the perceptor's view, for losses that read cutouts or embeddings; None for the others.
    start: the first params of the run, detached, at the size of this stage; None outside the loop.
    """

    step: int
    progress: float
    images: Tensor
    params: Params
    alpha: Tensor | None = None
    view: View | None = None
    start: Params | None = None


@dataclass
class Session:
    """What stays the same over a run: handed to `prepare` of every plugin before the first step.

    prompts: prompts[b] are those of picture b.
    streams: streams[b] are the random streams of picture b.
    perceptor_weights: weight of each perceptor's id, summing to one.
    phrases: what losses of type `phrase` ask of every picture beside its prompts, a preset's style above all.
    """

    device: torch.device
    generator: Generator
    perceptors: Mapping[str, Perceptor]
    prompts: Sequence[Sequence[Prompt]]
    streams: Sequence[Streams]
    perceptor_weights: Mapping[str, float] = field(default_factory=dict)
    phrases: Sequence[str] = ()


# -- the kinds of plugin ---------------------------------------------------------------------------------------------


class Generator(ABC):
    """Turns params into pictures, differentiably. Functional: it keeps no params of its own.

    Subclasses are dataclasses of their options (see `pixgen.registry.register`).
    """

    defaults: ClassVar[dict[str, Any]] = {}
    """Config that suits this generator (`{"optimizer": {"type": "SGD", "lr": 3.0}}`), merged over pixgen's own
    defaults and under everything the user says."""

    factor: int = 1
    """Both sides of a picture must be multiples of this; the engine rounds and says so."""

    def prepare(self, device: torch.device) -> None:  # noqa: B027 (optional by design)
        """Load weights, if any. Called once before anything else."""

    def require_size(self, size: Size) -> None:  # noqa: B027 (optional by design)
        """Raise UsageError for a picture of this size (before rounding) that cannot be drawn."""

    @abstractmethod
    def init(self, size: Size, streams: Streams) -> Params:
        """Random first params of ONE picture: every tensor's first dimension is 1."""

    @abstractmethod
    def decode(self, params: Params) -> Tensor:
        """Params -> float32 (B, 3 or 4, H, W) in [0, 1]; a fourth channel is alpha."""

    def sampled(self, params: Params, progress: float, step: int, streams: Sequence[Streams]) -> Params:
        """What `decode` gets in a step of the loop: the params, by default, or what is drawn or set from them.

        For generators that sample. `streams[b]` are picture b's random streams. `decode` of the params alone shows
        what was reached.
        """
        return params

    @abstractmethod
    def encode(self, images: Tensor) -> Params:
        """float32 (B, 3, H, W) in [0, 1] -> params whose decode is as near as the generator can come."""

    has_svg: ClassVar[bool] = False
    """Whether `to_svg` gives the pictures as vector drawings, so that `-o x.svg` can be asked for."""

    def to_svg(self, params: Params, size: Size) -> list[str]:
        """The pictures as SVG documents of this size in pixels, one for each: another renderer draws what decode gives.

        Only called where `has_svg` is true.
        """
        raise NotImplementedError(f"{type(self).__name__} has no vector output")

    def finish(self, images: Tensor) -> Tensor:
        """Pictures as they are saved, (B, 3, h, w), from those that the loop shows, (B, 3, H, W), after the filters.

        By default the same. The size may differ and depends on that of the images alone.
        """
        return images

    def project_(self, params: Params) -> None:  # noqa: B027 (optional by design)
        """Bring params back to where they are valid, in place, after each optimiser step (under no_grad)."""

    def resize(self, params: Params, size: Size) -> Params:
        """Params of the same pictures at another size. By default: decode, resize, encode."""
        images = self.decode(params)[:, :3].clamp(0, 1)
        images = torch.nn.functional.interpolate(images, size=size, mode="bicubic", antialias=True)
        return self.encode(images.clamp(0, 1))


class Start(ABC):
    """Gives the first params of one picture. Subclasses are dataclasses of their options."""

    min_side: ClassVar[int] = 0
    """Stages are never scaled below this shorter side in pixels, unless the picture itself is smaller."""

    def prepare(self, session: Session) -> None:  # noqa: B027 (optional by design)
        """Load what is needed, once."""

    @abstractmethod
    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        """First params (first dimension 1) of picture `index` at `size`.

        `attempt` counts the tries when the best of several starts is kept: another attempt, another draw,
        from the stream (seed, "start", attempt).
        """

    def known_words(self, text: str) -> set[str]:
        """Words of a prompt, in lower case, that the start draws whether or not a perceptor ever learnt them."""
        return set()


class Filter(ABC):
    """Sits between the generator and the cutter. Subclasses are dataclasses of their options."""

    only_while_optimising: ClassVar[bool] = False
    """Whether it changes only what the cutter sees, and not the pictures that are shown and saved."""

    @abstractmethod
    def __call__(self, images: Tensor, step: int, streams: list[Streams]) -> Tensor:
        """float32 (B, 3, H, W) in [0, 1] -> the same kind; `streams[b]` are picture b's random streams."""


class Cutter(ABC):
    """Draws random views of the pictures in two steps, so that the views can be cut chunk by chunk.

    `plan` draws everything random, a picture at a time; `cut` is deterministic and differentiable, and gives
    for a slice of the plan exactly what it would give inside the whole.
    """

    @abstractmethod
    def plan(self, size: Size, cutouts: int, side: int, step: int, streams: Sequence[Streams], name: str) -> Any:
        """Draw `cutouts` views of `side` pixels for each picture (one `Streams` a picture).

        `name` is the perceptor's id: two perceptors get two plans. The plan has `.matrices`,
        float32 (B, N, 3, 3), and slices: `plan[a:b]` are cutouts a to b of every picture. Views that show the
        whole picture come first: by them several starts are compared.
        """

    @abstractmethod
    def cut(self, images: Tensor, plan: Any) -> Tensor:
        """float32 (B, 3, H, W) in [0, 1] -> cutouts float32 (B, N, 3, S, S) in [0, 1]."""


class Perceptor(ABC):
    """A CLIP-like pair of encoders, frozen. Subclasses are dataclasses of their options."""

    input_size: int
    """Side S of the square cutouts it looks at, in pixels."""

    dim: int
    """Length D of its embeddings."""

    logit_scale: float = 100.0
    """By what cosines are multiplied before a softmax: one over the temperature that the model was trained to."""

    def prepare(self, device: torch.device) -> None:  # noqa: B027 (optional by design)
        """Load weights. Called once before anything else."""

    def whole(self, image: Tensor) -> Tensor:
        """A whole picture, float32 (1, 3, H, W) in [0, 1], at the input size, float32 (1, 3, S, S).

        Resized as the model was trained to see pictures; by default squeezed to a square, so that nothing is cropped.
        """
        size = (self.input_size, self.input_size)
        return torch.nn.functional.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1)

    @abstractmethod
    def encode_image(self, images: Tensor) -> Tensor:
        """float32 (M, 3, S, S) in [0, 1] -> float32 (M, D), unit norm. Normalises colours itself."""

    @abstractmethod
    def encode_text(self, texts: list[str]) -> Tensor:
        """Texts -> float32 (len(texts), D), unit norm; each as a whole, those of several `pieces` too."""

    def pieces(self, text: str) -> list[str]:
        """The pieces in which `encode_text` reads a text that is longer than its context; the text itself otherwise."""
        return [text]

    def release_text(self) -> None:  # noqa: B027 (optional by design)
        """All texts of the run are encoded: what only texts need may go. `encode_text` must work afterwards as well."""

    def unknown_words(self, text: str) -> dict[str, list[str]]:
        """Words of `text` that the perceptor never learnt, each with the nearest that it knows."""
        return {}

    def image_target(self, text_embeddings: Tensor) -> Tensor:
        """Where images of these texts lie: text embeddings moved across the modality gap, (M, D), unit norm.

        The identity for perceptors whose gap was not measured.
        """
        return text_embeddings


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


class Scheduler(ABC):
    """A number that changes over a run. Subclasses are frozen dataclasses of their options."""

    @abstractmethod
    def value(self, progress: float) -> float:
        """The value at `progress` in [0, 1]."""


@dataclass(frozen=True)
class FinishedRun:
    """The run whose pictures are scored.

    session: of the run.
    losses: that the run minimised, by term id.
    evaluate: (images, losses, cutouts, stream) -> each loss of each picture, (B,), on cutouts that no step has used.
        images: float32 (B, 3, H, W) in [0, 1]. cutouts: a number, for each perceptor and picture, drawn from the
        random streams called `stream`. Losses that read params are left out.
    """

    session: Session
    losses: Mapping[str, Loss]
    evaluate: Callable[[Tensor, Mapping[str, Loss], int, str], dict[str, Tensor]]


class Score(ABC):
    """Judges finished pictures. Subclasses are dataclasses of their options (see `pixgen.registry.register`)."""

    lower_is_better: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, run: FinishedRun, images: Tensor) -> dict[str, Tensor]:
        """float32 (B, 3, H, W) in [0, 1] -> numbers of each picture, each float32 (B,).

        The key "" is the score itself, another key a detail: "smooth" of the score "held_out" is told as
        "held_out.smooth". Raises PixgenError where it cannot judge (weights that are missing): it is then told of
        once and left out.
        """
