"""Pictures of strangers: right values from every kind that is read, one clear line for everything else."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from pixgen.errors import UsageError
from pixgen.io import image_files, pictures

ROOT = Path(__file__).resolve().parents[2]


def two_halves(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def turned(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    exif[0x0112] = value
    exif[0x011A] = 72.0
    return exif.tobytes()


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_the_stated_formats_are_read_whatever_the_name_says(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.dat"
    path.write_bytes(encoded(two_halves(), kind))
    left, right = pictures.read(path)[0, :, 10, 5], pictures.read(path)[0, :, 10, 35]
    assert left.tolist() == pytest.approx([1, 0, 0], abs=0.02) and right.tolist() == pytest.approx([0, 0, 1], abs=0.02)


@pytest.mark.parametrize("kind", ["EPS", "PPM", "TGA", "ICO", "PDF", "PCX", "JPEG2000"])
def test_another_format_is_refused_whatever_the_name_says(kind: str, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(encoded(two_halves(), kind))
    with pytest.raises(UsageError, match=r"picture\.png.*must be PNG, JPEG, WebP, GIF, TIFF or BMP"):
        pictures.read(tmp_path / "picture.png")


def test_postscript_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*words: Any, **options: Any) -> None:
        raise AssertionError(f"a program was started: {words}")

    (tmp_path / "evil.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n")
    monkeypatch.setattr(subprocess, "Popen", started)
    for read in (pictures.read, image_files.load, image_files.info, image_files.size_of):
        with pytest.raises(UsageError):
            read(tmp_path / "evil.png")
    with pytest.raises(UsageError):
        image_files.small(tmp_path / "evil.png", 64)


def test_nothing_else_opens_pictures() -> None:
    sources = [*(ROOT / "pixgen").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    opens = re.compile(r"(Image|images)\.open\(")
    found = [path.name for path in sources if opens.search(path.read_text())]
    assert found == ["image_files.py"] and "formats=FORMATS" in Path(image_files.__file__).read_text()


# -- several pictures in one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_picture_that_moves_is_refused_or_its_first_frame_taken(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    other = [Image.new("RGB", (8, 8), colour) for colour in ("blue", "lime")]
    data = encoded(Image.new("RGB", (8, 8), "red"), kind, save_all=True, append_images=other, **options)
    with pytest.raises(UsageError, match=r"moves \(3 pictures in one\).*--first-frame"):
        pictures.read(data)
    assert pictures.read(data, first_frame=True)[0, :, 4, 4].tolist() == pytest.approx([1, 0, 0], abs=0.02)


def test_the_preview_inside_a_phone_s_jpeg_does_not_matter(tmp_path: Path) -> None:
    photo, preview = two_halves(), Image.new("RGB", (10, 5), "lime")
    photo.save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=[preview])
    with Image.open(tmp_path / "phone.jpg") as image:
        assert getattr(image, "n_frames") == 2  # noqa: B009 (a name that Image itself lacks)
    assert pictures.read(tmp_path / "phone.jpg").shape == (1, 3, 20, 40)


# -- which way is up -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(kind: str, orientation: int) -> None:
    upright = np.zeros((4, 6, 3), np.uint8)
    upright[0, 0] = upright[0, 1] = upright[1, 0] = 255
    upright = upright.repeat(8, 0).repeat(8, 1)
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = Image.fromarray(upright) if undo is None else Image.fromarray(upright).transpose(undo)  # type: ignore
    data = encoded(stored, kind, exif=turned(orientation))
    assert (pictures.read(data)[0, 0] - torch.from_numpy(upright[..., 0] / 255)).abs().mean() < 0.02


@pytest.mark.parametrize("what", ["type", "count", "offset"])
@pytest.mark.parametrize("value", [0, 2, 5, 12, 16, 99, 65535, 2**32 - 1])
def test_a_damaged_value_beside_it_leaves_the_orientation(what: str, value: int) -> None:
    exif = bytearray(turned(6))
    order = "<" if exif[6:8] == b"II" else ">"
    for entry in range(struct.unpack_from(f"{order}H", exif, 14)[0]):
        at = 16 + 12 * entry
        if struct.unpack_from(f"{order}H", exif, at)[0] == 0x0112:
            continue
        if what == "type":
            struct.pack_into(f"{order}H", exif, at + 2, value % 2**16)
        else:
            struct.pack_into(f"{order}I", exif, at + (4 if what == "count" else 8), value)
    image = pictures.read(encoded(two_halves(), "JPEG", exif=bytes(exif)))
    assert image.shape == (1, 3, 40, 20)
    assert image[0, 0, :15].mean() > 0.9 > 0.1 > image[0, 0, 25:].mean()


def test_an_exif_of_nonsense_is_none() -> None:
    for exif in (b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense" * 9):
        assert pictures.read(encoded(two_halves(), "JPEG", exif=exif)).shape == (1, 3, 20, 40)


# -- values ----------------------------------------------------------------------------------------------------------


def test_sixteen_bits_grey_keep_their_values() -> None:
    values = np.linspace(0, 65535, 32).round().astype(np.uint16)[None].repeat(4, 0)
    for kind in ("PNG", "TIFF"):
        read = pictures.read(encoded(Image.fromarray(values), kind))
        assert np.allclose(read[0, 1].numpy(), values / 65535, atol=1e-6)


def test_transparency_of_every_kind_shows_the_ground() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    cases = {
        "RGBA": (encoded(clear, "PNG"), [1, 0.5, 0.5]),
        "LA": (encoded(Image.new("LA", (4, 4), (0, 128)), "PNG"), [0.5] * 3),
        "palette, one colour": (encoded(palette, "PNG", transparency=1), [1, 1, 1]),
        "palette, alphas": (encoded(palette, "PNG", transparency=bytes([0, 128])), [1, 0.5, 0.5]),
        "RGB, one colour": (encoded(Image.new("RGB", (4, 4), "red"), "PNG", transparency=(255, 0, 0)), [1, 1, 1]),
        "grey, one value": (encoded(Image.new("L", (4, 4), 7), "PNG", transparency=7), [1, 1, 1]),
        "GIF": (encoded(palette, "GIF", transparency=1), [1, 1, 1]),
    }
    for name, (data, colour) in cases.items():
        assert pictures.read(data)[0, :, 2, 2].tolist() == pytest.approx(colour, abs=0.01), name


def test_cmyk_is_shown_as_colours() -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "TIFF")
    assert pictures.read(data)[0, :, 8, 8].tolist() == pytest.approx([1, 0, 0], abs=0.01)


def display_p3() -> bytes:
    """A profile whose red is redder than sRGB's: sRGB with red and green exchanged would be too crude to trust."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = srgb.index(b"rXYZ", 128)
    offset = struct.unpack_from(">I", srgb, at + 4)[0]
    wide = bytearray(srgb)
    struct.pack_into(">iii", wide, offset + 8, int(0.5151 * 65536), int(0.2412 * 65536), int(-0.0011 * 65536))
    return bytes(wide)


def test_a_colour_profile_is_applied() -> None:
    grey = Image.new("RGB", (8, 8), (200, 100, 100))
    plain = pictures.read(encoded(grey, "PNG"))[0, :, 4, 4]
    wide = pictures.read(encoded(grey, "PNG", icc_profile=display_p3()))[0, :, 4, 4]
    assert wide[0] > plain[0] + 0.02 and wide[1] < plain[1]
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert pictures.read(encoded(grey, "PNG", icc_profile=srgb))[0, :, 4, 4].tolist() == plain.tolist()


def test_a_colour_profile_leaves_transparency(caplog: pytest.LogCaptureFixture) -> None:
    clear = Image.new("RGBA", (8, 8), (200, 100, 100, 0))
    read = pictures.read(encoded(clear, "PNG", icc_profile=display_p3()), ground=0.25)
    assert read[0, :, 4, 4].tolist() == [0.25] * 3 and not caplog.records


def test_a_broken_colour_profile_is_told_of_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    data = encoded(two_halves(), "PNG", icc_profile=b"nonsense" * 40)
    assert torch.equal(pictures.read(data), pictures.read(encoded(two_halves(), "PNG")))
    assert "colour profile of the picture cannot be read" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_floats_that_are_not_finite_are_refused(value: float) -> None:
    values = np.full((8, 8), 0.5, np.float32)
    values[3, 3] = value
    for source in (encoded(Image.fromarray(values), "TIFF"), values, Image.fromarray(values)):
        with pytest.raises(UsageError, match="not finite"):
            pictures.read(source)


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_file_is_a_picture_or_one_clear_line(kind: str, data: st.DataObject) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8))
    options = {"exif": turned(6)} if kind in ("JPEG", "PNG", "WEBP") else {}
    damaged = bytearray(encoded(noise, kind, **options))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)))):
        damaged[place] = value
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    try:
        image = pictures.read(bytes(damaged))
    except UsageError as error:
        assert "\n" not in str(error)
    else:
        assert image.shape[:2] == (1, 3) and torch.isfinite(image).all()


def test_what_is_not_a_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    cases = {
        str(tmp_path / "pipe.png"): "not a regular file",  # and it does not wait for somebody to write
        str(tmp_path): "is a folder",
        str(tmp_path / "missing.png"): "there is no picture",
        str(tmp_path / "missing.png" / "x.png"): "there is no picture",
        "x" * 300 + ".png": "file name too long",
        "~nobody-of-this-name/x.png": "has no home folder here",
        "a\0b.png": "cannot read the picture",
        "": "is a folder",
    }
    for path, said in cases.items():
        with pytest.raises(UsageError, match=said) as caught:
            pictures.read(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


# -- large pictures --------------------------------------------------------------------------------------------------


def smooth(height: int, width: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x / 30) * np.cos(y / 17)], -1)
    return Image.fromarray(values.astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_picture_is_decoded_smaller_and_looks_the_same(
    mode: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "JPEG" and mode not in ("RGB", "L"):
        pytest.skip("JPEG has no such mode")
    if mode == "I;16":
        image = Image.fromarray((np.arange(600, dtype=np.uint16) * 100)[None].repeat(400, 0))
    else:
        image = smooth(400, 600).convert(mode)
    data = encoded(image, kind)
    for size in ((32, 32), (20, 60), (64, 16)):
        whole = pictures.fit(pictures.read(data), size)
        with monkeypatch.context() as patch:
            patch.setattr(image_files, "WHOLE_PIXELS", 10_000)
            part = pictures.read(data, size=size)
            assert part.shape[2] < 400 and part.shape[3] < 600
            assert (pictures.Fitted(data)(size) - whole).abs().mean() < 0.01
        assert (pictures.fit(part, size) - whole).abs().mean() < 0.01


def test_a_large_turned_picture_comes_upright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "WHOLE_PIXELS", 10_000)
    for kind in ("JPEG", "PNG"):
        data = encoded(two_halves(size=(400, 200)), kind, exif=turned(6))
        image = pictures.Fitted(data)((40, 20))
        assert image[0, 0, :15].mean() > 0.9 > 0.1 > image[0, 0, 25:].mean()


def test_a_panorama_keeps_its_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "WHOLE_PIXELS", 10_000)
    noise = np.random.default_rng(0).integers(0, 256, (100, 3000, 3), dtype=np.uint8)
    middle = torch.from_numpy(noise[:, 1450:1550] / 255).movedim(-1, 0)[None].float()
    assert torch.allclose(pictures.read(encoded(Image.fromarray(noise), "PNG"), size=(100, 100)), middle)


# -- from Python -----------------------------------------------------------------------------------------------------


def test_a_picture_is_the_same_from_a_path_bytes_pil_and_arrays(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (7, 9, 4), dtype=np.uint8)
    image = Image.fromarray(noise)
    image.save(tmp_path / "a.png")
    wanted = pictures.read(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    for source in (str(tmp_path / "a.png"), data, bytearray(data), image, noise, noise.astype(np.float32) / 255):
        assert torch.allclose(pictures.read(source), wanted, atol=1e-6)
    assert torch.allclose(pictures.read(noise[::-1, ::2] / 255.0), wanted[..., ::2].flip(2), atol=1e-6)
    grey = pictures.read(noise[..., 0])
    assert grey.shape == (1, 3, 7, 9) and torch.equal(grey, pictures.read(noise[..., :1].repeat(3, -1)))
    assert image.mode == "RGBA" and image.size == (9, 7)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "not None"),
        (3, "not int"),
        (["a.png"], "not list"),
        (torch.zeros(3, 4, 4), "not torch.Tensor"),
        (np.zeros((4, 4), np.int64), "array of int64"),
        (np.zeros((4, 4), bool), "array of bool"),
        (np.zeros((4, 4, 2)), "array of 4x4x2"),
        (np.zeros((0, 4, 3), np.uint8), "array of 0x4x3"),
        (np.zeros((1, 4, 4, 3), np.uint8), "array of 1x4x4x3"),
        (np.full((4, 4), 255.0), "values from 255 to 255; floats must be from 0 to 1"),
        (np.full((4, 4), -1.0), "values from -1 to -1"),
        (np.zeros((), np.uint8), "array of a number"),
        (b"", "not a picture that can be read"),
        (b"nonsense", "not a picture that can be read"),
    ],
)
def test_anything_else_is_refused_with_what_it_must_be(source: Any, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        pictures.read(source)
