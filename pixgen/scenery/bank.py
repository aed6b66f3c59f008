"""The bank of drawings and its file: drawings as VQGAN codes with masks, and embeddings of pictures and captions.

`pixgen.training.bank` makes it, `pixgen.plugins.starts.bank` finds drawings in it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, resources
from pixgen.models import weights
from pixgen.scenery.reader import ParsedThing

DRAWING_SIDE = 256
"""Of the drawings in pixels; they are stored as 32 x 32 codes. At half of it the codes lose faces."""
MASK_SIDE = 128
"""Side in pixels of the masks that cut a drawing out of its background."""
NETWORK_FILES = {"perceptor": "perceptor.safetensors", "vqgan": "vqgan.safetensors"}
"""The networks whose embeddings and codes a bank holds; their files are in the same folder."""

NAMED, MATCHING, SEEN = 1.0, 0.25, 0.3
"""Score weights of `Bank.find`: subject or colour matches, an attribute matches, similarity to pictures."""


@dataclass(frozen=True)
class BankEntry:
    """One drawing.

    group: its subject. hand: the icon set it comes from (the key on disk). age, sex: of a person, empty if unknown.
    place: the place that it shows, empty for a subject. captions: its row in the bank's caption embeddings.
    rgb: its mean colour, each in [0, 1].
    """

    group: str
    hand: str = ""
    age: str = ""
    sex: str = ""
    place: str = ""
    captions: int = 0
    rgb: tuple[float, float, float] = (0.5, 0.5, 0.5)


@dataclass
class Bank:
    """N drawings of known subjects, and the embeddings of M sets of captions.

    subjects: group -> {"kind", "en", "pt", "male", "female"}. made_with: network -> sha256 of its file.
    codes: int64 (N, 32, 32). masks: bool (N, 128, 128). images: float32 (N, D), unit norm.
    captions: float32 (M, D), unit norm, the mean over the names of a subject or a place in both languages.
    """

    entries: list[BankEntry]
    subjects: dict[str, dict[str, Any]]
    codes: Tensor
    masks: Tensor
    images: Tensor
    captions: Tensor
    made_with: dict[str, str] = field(default_factory=dict)

    def find(self, thing: ParsedThing, text: Tensor, colour: Sequence[float] | None = None) -> list[int]:
        """Indices of the entries that match a thing, the best first: of its subject, or of all if that is unknown.

        text: float32 (D,), unit norm, the embedding of the thing's words. colour: RGB in [0, 1], or None.
        A known name decides the subject; similarities to captions and drawings rank the rest.
        """
        said = self.captions @ text
        score = said[[e.captions for e in self.entries]] + SEEN * (self.images @ text)
        for i, entry in enumerate(self.entries):
            if thing.group is not None:
                score[i] += NAMED * (entry.group == thing.group)
                for wanted, shown in ((thing.sex, entry.sex), (thing.age, entry.age)):
                    if wanted and shown in ("male", "female", "old", "child"):
                        score[i] += MATCHING if wanted == shown else -MATCHING
            if colour is not None:
                score[i] -= NAMED * sum(abs(a - b) for a, b in zip(entry.rgb, colour, strict=True)) / 3
        order = score.argsort(descending=True, stable=True).tolist()
        return [i for i in order if thing.group is None or self.entries[i].group == thing.group]

    def nearest(self, image: Tensor) -> list[int]:
        """All entries by the similarity of their pictures to an image embedding, float32 (D,)."""
        found: list[int] = (self.images @ image).argsort(descending=True, stable=True).tolist()
        return found


def save_bank(bank: Bank, path: Path) -> Path:
    """Write the file, whole or not at all. Raises PixgenError where the system refuses."""
    masks = np.packbits(_changes(bank.masks.numpy()).reshape(len(bank.entries), -1), axis=1)
    packed = np.frombuffer(zlib.compress(masks.tobytes(), 9), dtype=np.uint8).copy()
    tensors = {
        "codes": bank.codes.to(torch.uint16),
        "masks": torch.from_numpy(packed),
        "images": bank.images.half(),
        "captions": bank.captions.half(),
    }
    about = {
        "entries": [list(asdict(e).values()) for e in bank.entries],
        "subjects": bank.subjects,
        "made_with": bank.made_with,
    }
    return weights.write(tensors, path, {"pixgen": json.dumps(about, ensure_ascii=False, separators=(",", ":"))})


def load_bank(folder: Path | None = None) -> Bank:
    """The bank of a folder that holds bank.safetensors and the networks it was made with; None for the shipped one.

    Raises UsageError if a user-provided folder has none; PixgenError if the file is damaged, is not a bank, or was made
    with other networks than those in the folder.
    """
    own = folder is None
    place = resources.embedded() if folder is None else folder
    path = place / "bank.safetensors"
    make = f"make it with `python -m pixgen.training.bank {path} --cache CACHE`"
    if not path.is_file():
        raise (PixgenError if own else UsageError)(f"there is no bank of drawings {path}; {make}")
    tensors, metadata = weights.read(path)
    try:
        bank = _unpacked(tensors, weights.described(metadata))
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError, OverflowError, zlib.error) as error:
        raise PixgenError(f"{path} is damaged or not a bank of drawings ({reason(error)[:200]}); {make}") from error
    for name, made_with in bank.made_with.items():
        beside = place / NETWORK_FILES[name]
        if not beside.is_file() or files.sha256(beside) != made_with:
            raise PixgenError(f"{path} was made with another {name} than {beside}; {make}")
    return bank


def _entry(fields: Any, captions: int) -> BankEntry:
    """A drawing from its row of the metadata. Raises ValueError for any other row."""
    match fields:
        case [str(group), str(hand), str(age), str(sex), str(place), int(row), [red, green, blue]] if (
            0 <= row < captions and all(type(part) in (int, float) and 0 <= part <= 1 for part in (red, green, blue))
        ):
            return BankEntry(group, hand, age, sex, place, row, (float(red), float(green), float(blue)))
    raise ValueError(f"{str(fields)[:80]} is not a drawing")


def _subjects(found: Any) -> dict[str, dict[str, Any]]:
    """The subjects of the metadata: each has a kind, and names. Raises ValueError for anything else."""
    if not isinstance(found, dict):
        raise ValueError("it names no subjects")
    for group, subject in found.items():
        names = [subject.get(key) for key in ("en", "pt", "male", "female")] if isinstance(subject, dict) else [None]
        kind = subject.get("kind") if isinstance(subject, dict) else None
        if not isinstance(kind, str) or any(
            not isinstance(some, list) or not all(isinstance(name, str) for name in some) for some in names
        ):
            raise ValueError(f"{group[:80]} is not a subject")
    return dict(found)


def _unpacked(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Bank:
    """The bank in a file. Its sizes are compared with one another before anything is unpacked."""
    rows, made_with = about["entries"], about["made_with"]
    packed, held, images, captions = (tensors[name] for name in ("masks", "codes", "images", "captions"))
    n, side = len(rows), DRAWING_SIDE // 8
    if n == 0 or held.shape != (n, side, side) or images.dim() != 2 or len(images) != n or captions.dim() != 2:
        shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
        raise ValueError(f"{n} drawings, {shapes}")
    if images.shape[1] != captions.shape[1] or images.shape[1] == 0 or packed.dtype != torch.uint8 or packed.dim() != 1:
        raise ValueError("its embeddings or masks do not fit together")
    held = held.to(torch.int64)
    if tensors["codes"].is_floating_point() or images.is_complex() or captions.is_complex() or int(held.min()) < 0:
        raise ValueError("its numbers are of another type")
    if not isinstance(made_with, dict) or not made_with.keys() <= NETWORK_FILES.keys():
        raise ValueError("it names other networks than a bank is made with")
    entries = [_entry(fields, len(captions)) for fields in rows]
    size = n * MASK_SIDE * MASK_SIDE // 8
    inflater = zlib.decompressobj()
    unpacked = inflater.decompress(packed.numpy().tobytes(), size + 1)  # no more than its masks need
    if len(unpacked) != size or not inflater.eof:
        raise ValueError(f"its masks are not {size:,} bytes")
    changes = np.unpackbits(np.frombuffer(unpacked, dtype=np.uint8)).reshape(n, MASK_SIDE, MASK_SIDE)
    masks = torch.from_numpy(np.bitwise_xor.accumulate(changes, axis=1)).bool()
    normal = F.normalize(images.float(), dim=-1), F.normalize(captions.float(), dim=-1)
    return Bank(entries, _subjects(about["subjects"]), held, masks, *normal, made_with=dict(made_with))


def _changes(masks: np.ndarray) -> np.ndarray:
    """Where a mask differs from the row above (vertical delta coding): compresses to a quarter of the size."""
    changed = masks.astype(np.uint8)
    changed[:, 1:] ^= masks[:, :-1].astype(np.uint8)
    return changed
