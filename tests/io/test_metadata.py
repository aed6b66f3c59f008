"""What a picture says about itself survives being saved and read, in every format."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixgen.errors import PixgenError, UsageError
from pixgen.io import metadata
from pixgen.io.metadata import Input, Metadata

SUFFIXES = [".png", ".jpg", ".jpeg", ".webp"]


def picture() -> Image.Image:
    return Image.fromarray(numpy.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=numpy.uint8))


def record(prompt: str = "a fox | 雪 :0.5") -> Metadata:
    return Metadata(
        version="0.1.0",
        prompt=prompt,
        config={"generator": {"type": "vqgan"}, "optimizer": {"type": "Adam", "lr": 0.05}, "losses": {"a": [1, None]}},
        steps_planned=110,
        steps_done=40,
        seed=7,
        size=(16, 24),
        inputs=(Input("fox.png", "ab" * 32),),
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_comes_back_as_it_was_saved(suffix: str, tmp_path: Path) -> None:
    path = metadata.save(picture(), tmp_path / f"fox{suffix}", record())
    found = metadata.read(path)
    near = found.inputs[0].near
    assert found == dataclasses.replace(record(), inputs=(Input("fox.png", "ab" * 32, near),))
    assert (tmp_path / near).resolve() == Path("fox.png").resolve()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(prompt=st.text(st.characters(codec=None), max_size=200), suffix=st.sampled_from(SUFFIXES))
def test_any_prompt_comes_back(prompt: str, suffix: str, tmp_path: Path) -> None:
    path = metadata.save(picture(), tmp_path / f"fox{suffix}", record(prompt), overwrite=True)
    assert metadata.read(path).prompt == prompt


def test_the_same_picture_has_the_same_bytes() -> None:
    for suffix in SUFFIXES:
        assert metadata.encode(picture(), suffix, record()) == metadata.encode(picture(), suffix, record())


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_pixels_are_kept_exactly(suffix: str, tmp_path: Path) -> None:
    path = metadata.save(picture(), tmp_path / f"fox{suffix}", record())
    assert Image.open(path).convert("RGB").tobytes() == picture().tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_programs_find_their_text(suffix: str, tmp_path: Path) -> None:
    path = metadata.save(picture(), tmp_path / f"fox{suffix}", record())
    with Image.open(path) as image:
        if suffix == ".png":
            text = image.info["parameters"]
            packet = image.info["XML:com.adobe.xmp"]
        else:
            comment = image.getexif().get_ifd(0x8769)[0x9286]
            assert comment[:8] == b"UNICODE\0"
            text = comment[8:].decode("utf-16-be")
            packet = image.info["xmp"].decode()
    *prompt, line = text.splitlines()
    assert prompt == ["a fox | 雪 :0.5"]
    assert line.startswith("Steps: 40, Sampler: Adam, Seed: 7, Size: 24x16, Model: vqgan")
    assert metadata.SOURCE_TYPE in packet


def test_png_text_is_never_compressed() -> None:
    data = metadata.encode(picture(), ".png", record("x" * 10_000))
    assert b"zTXt" not in data and b"x" * 10_000 in data


def test_too_much_for_a_jpeg_is_said_and_png_takes_it(tmp_path: Path) -> None:
    long = record("🐱" * 10_000)
    with pytest.raises(UsageError, match=r"too long for a JPEG.*\.png"):
        metadata.encode(picture(), ".jpg", long)
    assert metadata.read(metadata.save(picture(), tmp_path / "cat.png", long)).prompt == long.prompt


def test_files_that_say_nothing_are_told_apart(tmp_path: Path) -> None:
    plain, text = tmp_path / "plain.png", tmp_path / "text.png"
    picture().save(plain)
    text.write_text("no picture")
    with pytest.raises(UsageError, match="no pixgen metadata"):
        metadata.read(plain)
    with pytest.raises(UsageError, match="not a picture that can be read"):
        metadata.read(text)
    with pytest.raises(UsageError, match="no such file"):
        metadata.read(tmp_path / "none.png")


def test_a_finished_picture_names_no_planned_steps() -> None:
    assert "Planned" not in dataclasses.replace(record(), steps_done=110).parameters()
    assert "Planned steps: 110" in record().parameters()


def test_older_pictures_have_no_template() -> None:
    whole = json.loads(dataclasses.replace(record(), template="a {fox|dog}").to_json())
    assert Metadata.from_json(json.dumps(whole)).template == "a {fox|dog}"
    del whole["template"]
    assert Metadata.from_json(json.dumps(whole)) == record()


def written(change: dict[str, object] | str, path: Path) -> Path:
    """A picture whose record is that of `record`, with these values in it; or this text."""
    text = change if isinstance(change, str) else json.dumps(json.loads(record().to_json()) | change)
    chunks = PngInfo()
    chunks.add_text("pixgen", text)
    picture().save(path, pnginfo=chunks)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": "32x32"}, "size is '32x32' (str)"),
        ({"size": [1, 2, 3]}, "size is [1, 2, 3] (list)"),
        ({"size": [16.5, 24]}, "size[0] is 16.5 (float)"),
        ({"size": [0, 24]}, "height is 0; it must be 1 to"),
        ({"size": [16, 10**12]}, "width is 1000000000000; it must be 1 to"),
        ({"steps_done": "forty"}, "steps_done is 'forty' (str); it must be int"),
        ({"steps_done": True}, "steps_done is True (bool)"),
        ({"steps_done": 111}, "steps_done is 111; it must be 0 to 110"),
        ({"steps_planned": None}, "steps_planned is None"),
        ({"steps_planned": -1}, "steps_planned is -1; it must be"),
        ({"seed": -1}, "seed is -1; it must be"),
        ({"seed": 2**70}, "a number of 22 digits"),
        ({"config": None}, "config is None"),
        ({"config": [1]}, "config is [1] (list)"),
        ({"config": "x"}, "config is 'x' (str)"),
        ({"prompt": None}, "prompt is None"),
        ({"version": 1}, "version is 1 (int); it must be str"),
        ({"inputs": None}, "inputs is None"),
        ({"inputs": ["fox.png"]}, "inputs[0] is 'fox.png' (str)"),
        ({"inputs": [{"path": 1, "sha256": "ab"}]}, "inputs[0].path is 1 (int)"),
        ({"inputs": [{"path": "fox.png"}]}, "inputs[0] needs the option 'sha256'"),
        ({"command": ["rm"]}, "command is ['rm'] (list)"),
        ("", "Expecting value"),
        ("[]", "not a JSON object"),
        ('{"prompt": "a"}', "incomplete: no version, config, size, seed"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ({"config": {"noise": json.loads("[" * 100 + "]" * 100)}}, "config is nested more than 32 deep"),
        ('{"seed": ' + "9" * 5000 + "}", "a number of 5,000 digits"),
        ('{"seed": 1, "seed": 2}', "'seed' is there twice"),
    ],
)
def test_a_record_that_cannot_be_is_refused_in_one_line(
    change: dict[str, object] | str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(PixgenError) as refused:
        metadata.read(written(change, tmp_path / "m.png"))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'm.png'}: its pixgen metadata cannot be understood (")
    assert said in message and "\n" not in message


def test_what_later_versions_say_is_passed_over(tmp_path: Path) -> None:
    files = [{"path": "fox.png", "sha256": "ab" * 32, "near": "", "bytes": 3}]
    found = metadata.read(written({"mood": "fine", "inputs": files}, tmp_path / "m.png"))
    assert found == record()


def test_a_packet_that_multiplies_is_not_read(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
    packet = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><x>&e12;</x>'
    for number, text in enumerate((packet, '<?xml version="1.0" encoding="no-such"?><x/>', "<x", "\ud800")):
        path = tmp_path / f"{number}.webp"
        picture().save(path, xmp=text.encode(errors="replace"))
        with pytest.raises(UsageError, match="no pixgen metadata"):
            metadata.read(path)


def test_other_kinds_of_file_are_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n")
    with pytest.raises(UsageError, match="is not a picture that can be read; it must be PNG"):
        metadata.read(path)
