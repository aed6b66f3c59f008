"""What a picture says about itself: how it was made, for pixgen, for people and for other programs.

Three records, in each of the three formats of pixels:

- `pixgen`, a JSON object with everything needed to draw the picture again (`pixgen again`);
- `parameters`, the text that the galleries of this field read, with its `Steps: ` line;
- XMP with IPTC's DigitalSourceType, which says that a model made the picture.

PNG holds them as text chunks, never compressed: Pillow refuses to open a file with more than 1 MiB of compressed
text. JPEG and WebP hold `parameters` in the EXIF UserComment (big-endian UTF-16, as readers expect) and the JSON
inside the XMP packet. An SVG holds that packet in its `<metadata>`, and the prompt as its title.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from pixgen.errors import PixgenError, UsageError
from pixgen.io import files, image_files, json_data, naming, schema, svg_files

if TYPE_CHECKING:
    from PIL import Image

KEY = "pixgen"
NAMESPACE = "urn:pixgen:1"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_XMP_KEY = "XML:com.adobe.xmp"
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_JPEG_SEGMENT = 65_000
"""A JPEG segment holds 65,533 bytes, some of them headers."""

MAX_TEXT = 4_000_000
"""Characters of a record that is read; a prompt of the greatest length takes 120,000."""

MAX_SIDE, MAX_STEPS, MAX_SEED = 1_000_000, 1_000_000_000, 2**63 - 1

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@dataclass(frozen=True)
class Input:
    """A file that the run read. path: as it was given. near: the same from the picture's folder, set by `save`."""

    path: str
    sha256: str
    near: str = ""


@dataclass(frozen=True)
class Metadata:
    """How a picture was made. No clock in it: the same picture has the same bytes.

    version: of pixgen. prompt: as drawn, every `{a|b}` chosen; the config has it as typed.
    config: fully resolved, plain JSON types.
    steps_done: fewer than steps_planned where the run was interrupted.
    """

    version: str
    prompt: str
    config: Mapping[str, Any]
    steps_planned: int
    steps_done: int
    seed: int
    size: tuple[int, int]
    """(height, width) in pixels."""
    inputs: Sequence[Input] = ()
    template: str = ""
    """What a list had in place of the prompt: with its choices and wildcards still open."""
    machine: str = ""
    """What rounds as this did (`pixgen.backend.hardware.machine`); empty where it was not noted."""
    command: str = ""
    """The command line that makes it once more, where no prompt was drawn: `pixgen vary ...`."""

    def to_json(self) -> str:
        """One line of ASCII, which every text chunk and every reader can take; the same for the same picture."""
        return json.dumps(_sorted(asdict(self)))

    @classmethod
    def from_json(cls, text: str) -> Metadata:
        """Raises ValueError where `text` is not what `to_json` gives. Keys of later versions are ignored."""
        record = json_data.parse(text)
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")
        known = _known(cls, record)
        if isinstance(files := known.get("inputs"), list):
            known["inputs"] = [_known(Input, file) if isinstance(file, dict) else file for file in files]
        if missing := [name for name in ("version", "prompt", "config", "size", "seed") if name not in known]:
            raise ValueError(f"incomplete: no {', '.join(missing)}")
        try:
            for name, value in known.items():
                schema.require_shallow(value, name)
            about: Metadata = schema.build(cls, known, "")
        except UsageError as error:
            raise ValueError(str(error)) from None
        about._require_sense()
        return about

    def _require_sense(self) -> None:
        """Raise ValueError for numbers that no picture has."""
        bounds = {
            "width": (self.size[1], 1, MAX_SIDE),
            "height": (self.size[0], 1, MAX_SIDE),
            "steps_planned": (self.steps_planned, 0, MAX_STEPS),
            "steps_done": (self.steps_done, 0, self.steps_planned),
            "seed": (self.seed, 0, MAX_SEED),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; it must be {least} to {most}")

    def parameters(self) -> str:
        """The prompt, then a `Steps: ` line, as the galleries of this field read it."""
        height, width = self.size
        facts = {
            "Steps": str(self.steps_done),
            "Sampler": str(_at(self.config, "optimizer", "type")),
            "Seed": str(self.seed),
            "Size": f"{width}x{height}",
            "Model": str(_at(self.config, "generator", "type")),
            "Version": f"pixgen {self.version}",
        }
        if self.steps_done < self.steps_planned:
            facts["Planned steps"] = str(self.steps_planned)
        line = ", ".join(f"{key}: {value}" for key, value in facts.items() if value)
        # What came in undecodable from the command line (a lone surrogate) is no text that a file can hold.
        return f"{self.prompt}\n{line}".encode(errors="replace").decode()


def encode(image: Image.Image | str, suffix: str, metadata: Metadata) -> bytes:
    """The bytes of a picture file with its metadata; `suffix` is `.png`, `.jpg`, `.jpeg` or `.webp`.

    image: a str is an SVG document, and `suffix` is `.svg` then.
    JPEG at quality 95 without chroma subsampling, WebP without loss.
    Raises UsageError for another suffix, or where the metadata is too long for a JPEG, and PixgenError where what
    should be an SVG document is none.
    """
    if isinstance(image, str):
        if suffix.lower() != naming.VECTOR_SUFFIX:
            raise UsageError(f"cannot save an SVG document as {suffix!r}; name it {naming.VECTOR_SUFFIX}")
        try:
            return svg_files.with_metadata(image, metadata.prompt, _xmp(metadata.to_json()))
        except ValueError as error:
            raise PixgenError(f"the generator's SVG cannot be saved: {error}") from error
    kind = _FORMATS.get(suffix.lower())
    if kind is None:
        raise UsageError(f"cannot save {suffix!r}: choose one of {', '.join(_FORMATS)}")
    buffer = io.BytesIO()
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        chunks = PngInfo()
        chunks.add_text("parameters", metadata.parameters())
        chunks.add_text(KEY, metadata.to_json())
        chunks.add_itxt(_XMP_KEY, _xmp(None), zip=False)
        image.save(buffer, kind, pnginfo=chunks)
        return buffer.getvalue()

    comment, packet = _comment(metadata.parameters()), _xmp(metadata.to_json()).encode()
    if kind == "JPEG" and max(len(comment), len(packet)) > _JPEG_SEGMENT:
        raise UsageError("prompt and settings are too long for a JPEG (64 kB of metadata); save as .png")
    from PIL import Image as images

    exif = images.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = comment
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True}
    image.save(buffer, kind, exif=exif, xmp=packet, **options)
    return buffer.getvalue()


def save(image: Image.Image | str, path: Path, metadata: Metadata, *, overwrite: bool = False) -> Path:
    """Save a picture with its metadata, whole or not at all; gives the path it got (`pixgen.io.files.write`)."""
    return files.write(path, encode_for(image, path, metadata), overwrite=overwrite)


def encode_for(image: Image.Image | str, path: Path, metadata: Metadata) -> bytes:
    """What `save` would write to `path`. Raises as `encode` does."""
    inputs = tuple(replace(file, near=_seen_from(path.parent, file.path)) for file in metadata.inputs)
    return encode(image, path.suffix, replace(metadata, inputs=inputs))


def read(path: Path) -> Metadata:
    """The metadata of a picture that pixgen saved.

    Raises UsageError if the file is missing, is not a picture, or holds no metadata of pixgen's.
    """
    found = find(path)
    if found is None:
        raise UsageError(f"{path}: no pixgen metadata; only pictures that pixgen saved, and nobody stripped, have it")
    return found


def find(path: Path) -> Metadata | None:
    """The metadata of a picture; None where it holds none of pixgen's.

    Raises UsageError if the file is missing or is not a picture, PixgenError where its metadata is damaged.
    """
    if not os.path.lexists(path):
        raise UsageError(f"{path}: no such file")
    text = _json_in_svg(path) if svg_files.is_svg(path) else _json_of(image_files.info(path))
    if text is None:
        return None
    try:
        if len(text) > MAX_TEXT:
            raise ValueError(f"more than {MAX_TEXT:,} characters")
        return Metadata.from_json(text)
    except ValueError as error:
        raise PixgenError(f"{path}: its pixgen metadata cannot be understood ({error})") from error


def _json_in_svg(path: Path) -> str | None:
    image_files.require_file(path)
    try:
        return svg_files.find(path, f"{NAMESPACE} render", MAX_TEXT)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: its SVG cannot be read: {error}") from error


def _json_of(info: Mapping[Any, Any]) -> str | None:
    if isinstance(info.get(KEY), str):
        return str(info[KEY])
    packet = info.get("xmp") or info.get(_XMP_KEY)
    if not isinstance(packet, str | bytes):
        return None
    packet = packet if isinstance(packet, bytes) else packet.encode(errors="replace")
    # XMP has no use for declarations, and entities could multiply.
    if len(packet) > MAX_TEXT or b"<!DOCTYPE" in packet or b"\0" in packet:
        return None
    try:
        return ElementTree.fromstring(packet).findtext(f".//{{{NAMESPACE}}}render")
    except (ElementTree.ParseError, ValueError, LookupError):  # no XML, or an encoding that there is not
        return None


def _known(cls: type[Metadata] | type[Input], values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the keys of later versions."""
    return {field.name: values[field.name] for field in fields(cls) if field.name in values}


def _seen_from(folder: Path, path: str) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return Path(path).absolute().as_posix()


def _comment(text: str) -> bytes:
    return b"UNICODE\0" + text.encode("utf-16-be")


def _xmp(render: str | None) -> str:
    body = "" if render is None else f'<pixgen:render xmlns:pixgen="{NAMESPACE}">{escape(render)}</pixgen:render>'
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )


def _at(config: Mapping[str, Any], *keys: str) -> Any:
    node: Any = config
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return "" if node is None else node


def _sorted(value: Any, ids: bool = False) -> Any:
    """Every mapping by its keys, but for the ids of filters: those are applied in the order in which they were said."""
    if not isinstance(value, dict):
        return value
    return {key: _sorted(value[key], key == "filters") for key in (value if ids else sorted(value))}
