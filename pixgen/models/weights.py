"""Reads other people's weights files without running anything that is in them, and writes safetensors.

Lightning's checkpoints and plain `torch.save` files go through `pixgen.models.checkpoints`, TorchScript archives
(OpenAI's CLIPs) through `pixgen.models.torchscript`. Both read the numbers and never the program around them, and
neither takes more memory than `pixgen.models.limits` allows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from pixgen.errors import PixgenError, UsageError, reason
from pixgen.io import files, json_data
from pixgen.models import archives, checkpoints, limits, pickles, torchscript

Format = Literal["safetensors", "zip", "torchscript", "pickle"]


class Damaged(Exception):
    """A file that is no whole safetensors file, or cannot be read. The text says why."""


def sniff(path: Path) -> Format:
    """What kind of weights file this is, by its content.

    Raises UsageError when there is no such file and PixgenError when it is none of them.
    """
    if not path.is_file():
        raise UsageError(f"weights not found: {path}; give the path of a file that exists")
    with open(path, "rb") as file:
        head = file.read(9)
    if not head:
        raise PixgenError(f"{path} is empty: its download was cut off before it began; get it again")
    if head[:4] == b"PK\3\4":
        with _readable(path), archives.opened(path) as archive:
            return "torchscript" if torchscript.is_archive(archive.entries) else "zip"
    if head[8:] == b"{":
        return "safetensors"
    if head[:1] == b"\x80":
        return "pickle"
    page = " (it is a web page)" if head.lstrip()[:1] == b"<" else ""
    raise PixgenError(f"{path} is not a weights file{page}: neither safetensors nor a torch checkpoint; get it again")


def require_whole(path: Path) -> None:
    """Raise PixgenError unless the file is a weights file that, as far as its format tells, has its end.

    Only an old pickle does not tell.
    """
    if sniff(path) == "safetensors":
        with _readable(path):
            metadata(path)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The named tensors of a weights file, as they are stored, on the CPU; and a safetensors file's metadata.

    What torch.compile, FSDP and DDP put into names is left out.
    Raises UsageError for a missing file; PixgenError for one that is damaged, holds anything that would run code, or
    would become larger than `pixgen.models.limits` allows.
    """
    format = sniff(path)
    with _readable(path):
        if format == "safetensors":
            tensors, metadata = read_safetensors(path)
            return checkpoints.unwrapped(tensors), metadata
        if format == "pickle":
            return checkpoints.read_legacy(path), {}
        with archives.opened(path) as archive:
            pickled = [name for name in archive.entries if name == "data.pkl" or name.endswith("/data.pkl")]
            if len(pickled) != 1:
                held = ", ".join(name[:80] for name in list(archive.entries)[:4]) or "nothing"
                raise PixgenError(f"{path} is a zip file, but not one of torch's: it holds {held}; unpack it first")
            tensors = (torchscript.read if format == "torchscript" else checkpoints.read_archive)(archive, pickled[0])
            return tensors, {}


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what stops the reading of a file into a PixgenError."""
    try:
        yield
    except pickles.HoldsCode as error:
        raise PixgenError(
            f"{path} was not loaded: it holds {str(error)[:200]}, which is code, not a weight. Nothing of it was run; "
            "get the weights as .safetensors, or from their author"
        ) from error
    except pickles.TooLarge as error:
        raise PixgenError(f"{path} was not loaded: {error}; get the weights as .safetensors") from error
    except (Damaged, pickles.Damaged, archives.Damaged, OSError, RuntimeError, MemoryError) as error:
        raise PixgenError(f"{path} is damaged or cut short ({reason(error)[:200]}); get it again") from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file, as they are stored, on the CPU. Raises Damaged."""
    with _opened(path) as file:
        names = list(file.keys())
        if len(names) > limits.MAX_TENSORS:
            raise Damaged(f"it has {len(names):,} tensors, {limits.MAX_TENSORS:,} at most")
        return {name: file.get_tensor(name) for name in names}, file.metadata() or {}


def metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file, from its header alone. Raises Damaged."""
    with _opened(path) as file:
        return file.metadata() or {}


def described(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What a file of pixgen's says of itself in its metadata; nothing for another's file, or one that makes no sense.

    Two things only are sure of what comes from elsewhere: it is plain data, and its keys are text.
    """
    text = metadata.get("pixgen", "")
    if len(text) > limits.MAX_METADATA:
        return {}
    try:
        found = json_data.parse(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def float32(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors of a file as numbers to compute with. Raises PixgenError, with its name, for one of other numbers."""
    require_real(tensors, path)
    return {name: value.float() for name, value in tensors.items()}


def require_real(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise PixgenError, with its name, for a tensor of complex numbers: half of each would be lost."""
    for name, value in tensors.items():
        if value.is_complex():
            raise PixgenError(f"{path}: {name[:200]} is of {value.dtype}, and weights are real numbers; get it again")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with open(path, "rb") as plain:
            if (header := int.from_bytes(plain.read(8), "little")) > limits.MAX_HEADER:
                raise Damaged(f"its header has {header:,} bytes, {limits.MAX_HEADER:,} at most")
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        # A type of numbers that this version of torch or of safetensors does not know ends in any of these.
        why = "its header is not JSON" if "invalid JSON" in str(error) else reason(error)
        raise Damaged(why) from error


def write(
    tensors: Mapping[str, Tensor],
    path: Path,
    metadata: Mapping[str, str] | None = None,
    check: Callable[[Path], None] | None = None,
    way_out: str = "make room or choose another place with -o",
) -> Path:
    """Write a safetensors file, whole or not at all; `check` sees it before it gets its name and may raise.

    Raises PixgenError, one line that ends with `way_out`, where the system refuses.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    # Clones: two names may share their memory, which safetensors refuses.
    plain = {name: value.clone().contiguous() for name, value in tensors.items()}
    try:
        with files.replacing(path, sole=True) as temporary:
            save_file(plain, temporary, metadata=dict(metadata or {}))
            if check is not None:
                check(temporary)
    except (OSError, SafetensorError) as error:
        raise PixgenError(f"cannot write to {path}: {reason(error).lower()}; {way_out}") from error
    return path


def require_fit(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    """Raise PixgenError that names the first keys and shapes in which `tensors`, read from `path`, differ."""
    wrong = [
        f"{key} is {tuple(tensors[key].shape)}, not {tuple(value.shape)}"
        for key, value in own.items()
        if key in tensors and tensors[key].shape != value.shape
    ]
    wrong += [f"missing {key}" for key in own if key not in tensors]
    wrong += [f"extra {key}" for key in tensors if key not in own]
    if wrong:
        shown = ", ".join(wrong[:8]) + (f" and {len(wrong) - 8} more" if len(wrong) > 8 else "")
        raise PixgenError(f"{path} does not fit {what}: {shown}")
