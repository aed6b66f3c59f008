"""The CLIPs that classify, search and describe: loaded by name, with what embeds whole pictures and texts."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen import registry
from pixgen.contracts import Perceptor
from pixgen.errors import UsageError, shown
from pixgen.io import files, paths, pictures, resources
from pixgen.io.image_files import Source
from pixgen.models import cache, zoo

log = logging.getLogger(__name__)

TEXTS = 256
"""Texts that are encoded at once."""

PERCEPTOR_FILE = "perceptor.safetensors"


@dataclass(frozen=True)
class ClipModel:
    """A CLIP, ready to use.

    name: as the user calls it. fingerprint: hexadecimal digits that change with its weights. folder: of its weights,
    where it is one of pixgen's own; None for all others.
    """

    name: str
    perceptor: Perceptor
    fingerprint: str
    folder: Path | None = None

    @property
    def is_tiny(self) -> bool:
        """Whether it is one that pixgen trains, on drawings."""
        return self.folder is not None

    @torch.no_grad()
    def encode_image(self, images: Sequence[Tensor]) -> Tensor:
        """Whole pictures, float32 (1, 3, H, W) each in [0, 1] -> embeddings, float32 (N, D), unit norm."""
        return self.perceptor.encode_image(torch.cat([self.perceptor.whole(image) for image in images]))

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Texts -> embeddings, float32 (N, D), unit norm."""
        parts = (list(texts[begin : begin + TEXTS]) for begin in range(0, len(texts), TEXTS))
        return torch.cat([self.perceptor.encode_text(part) for part in parts])

    @torch.no_grad()
    def encode_templates(self, words: Sequence[str], fill: Callable[[str], Sequence[str]]) -> Tensor:
        """The mean embedding of each word in all its templates, float32 (N, D), unit norm (CLIP, 3.1.4).

        fill: a word -> the texts that its templates make of it.
        """
        texts = [fill(word) for word in words]
        encoded = self.encode_text([text for group in texts for text in group])
        means = [part.mean(0) for part in encoded.split([len(group) for group in texts])]
        return F.normalize(torch.stack(means), dim=-1)

    def warn_of_unknown_words(self, texts: Iterable[str]) -> None:
        """Warn (logging) of words that the model never learnt, each with the nearest that it knows."""
        warned: set[str] = set()
        for text in dict.fromkeys(texts):
            for word, near in self.perceptor.unknown_words(text).items():
                if word in warned:
                    continue
                warned.add(word)
                hint = f"the nearest that it knows: {', '.join(near)}" if near else "it knows nothing near"
                log.warning("perceptor %s never learnt the word %s; %s", self.name, shown(word), hint)


def load(name: str = zoo.EMBEDDED) -> ClipModel:
    """The CLIP of this name: pixgen-tiny, one of `pixgen models list`, or any that open_clip knows and is downloaded.

    A folder that `pixgen train` ended with, or a perceptor.safetensors, is a CLIP as well. Raises UsageError for a name
    that is unknown or a model that is not downloaded, with the command that fetches it; PixgenError for damaged files.
    """
    if name == zoo.EMBEDDED:
        return _tiny(name, resources.embedded() / PERCEPTOR_FILE)
    if zoo.is_path(name):
        place = paths.written(name)
        path = place / PERCEPTOR_FILE if place.is_dir() else place
        if not path.is_file():
            raise UsageError(
                f"there is no CLIP {str(path)!r}; give a name of `pixgen models list`, or a file that exists"
            )
        return _tiny(name, path)
    entry = zoo.get(name, "clip")
    weights = cache.weights(entry)
    about = weights.stat()
    # To read gigabytes for their hash would take longer than a search.
    identity = f"{entry.name} {about.st_size} {about.st_mtime_ns}"
    perceptor = _ready({"type": "open_clip", "model": name})
    return ClipModel(name, perceptor, hashlib.sha256(identity.encode()).hexdigest()[:16])


def load_all(names: Sequence[str]) -> Iterator[ClipModel]:
    """The CLIPs of these names, one after the other, each once; pixgen-tiny where none is named. Raises as `load`."""
    yield from map(load, dict.fromkeys(names or [zoo.EMBEDDED]))


def opened(picture: Source) -> Tensor:
    """A picture of any kind as float32 (1, 3, H, W) in [0, 1]; of one that moves the first frame.

    Raises UsageError where it cannot be read.
    """
    return pictures.read(picture, first_frame=True)


def name_of(picture: Source) -> str:
    """The file of a picture; empty for one that is no file."""
    return str(picture) if isinstance(picture, str | Path) else ""


def _tiny(name: str, path: Path) -> ClipModel:
    perceptor = _ready({"type": "tiny", "path": "" if name == zoo.EMBEDDED else str(path)})
    return ClipModel(name, perceptor, files.sha256(path)[:16], path.parent)


def _ready(options: dict[str, str]) -> Perceptor:
    perceptor: Perceptor = registry.create("perceptor", options, "--clip")
    perceptor.prepare(torch.device("cpu"))
    return perceptor
