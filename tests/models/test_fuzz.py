"""Weights files and what lies beside them, of any content: read, or refused by an error of pixgen's own.

`HYPOTHESIS_PROFILE=long pytest -n 0 tests/models/test_fuzz.py` tries many minutes long.
"""

from __future__ import annotations

import functools
import io
import json
import os
import pickle
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from pixgen.cli.main import run
from pixgen.errors import PixgenError
from pixgen.models import tokenizer_files, user_models, vqgans, weights
from pixgen.networks import store, vqgan
from pixgen.networks.pair import load_perceptor
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig, TokenDecoder
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.scenery.bank import load_bank
from tests.models.test_hostile_networks import banked, rules
from tests.networks import toys

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

SMALL: dict[str, Any] = {
    **TINY,
    "ddconfig": {**TINY["ddconfig"], "ch": 32, "ch_mult": [1], "num_res_blocks": 0},
    "n_embed": 4,
    "quantizer": "vq",
}


def fuzz(examples: int) -> Callable[[Any], Any]:
    """How often a test runs in the suite; in the long profile as often as that says."""
    suppressed = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    more: dict[str, Any] = {} if LONG else {"max_examples": examples}
    return settings(suppress_health_check=suppressed, **more)


numbers = st.integers() | st.sampled_from([-1, 0, 1, 2, 3, 8, 64, 10**7, 2**31, 2**63, 10**30]) | st.floats()
words = st.text(max_size=8) | st.sampled_from(["..", "vq", "gumbel", "hf-hub:a/b", "1e3", "\ud800", "\x1b[2J"])
plain = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
"""What JSON and YAML can say."""


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys and indices that lead to everything in plain data; of long lists to the first few."""
    yield here
    items = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*here, key))


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """Plain data with something else in one or two of its places, or without it."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(places(value))))
        if not place:
            return draw(plain)
        inside = value
        for key in place[:-1]:
            inside = inside[key]
        if draw(st.booleans()) and draw(st.booleans()):
            del inside[place[-1]]
        else:
            inside[place[-1]] = draw(plain)
    return value


@dataclass(frozen=True)
class Damage:
    """Some bytes of a file become others. place: from the beginning, or from the end where it is negative."""

    place: int
    count: int
    others: bytes

    def __call__(self, content: bytes) -> bytes:
        start = max(0, min(len(content), self.place if self.place >= 0 else len(content) + self.place))
        return content[:start] + self.others + content[start + self.count :]


damages = st.lists(
    st.builds(
        Damage,
        st.integers(-600, 600),  # heads, directories and pickles are where it matters
        st.sampled_from([0, 1, 1, 2, 4, 8, 200]),
        st.binary(max_size=8) | st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"PK\1\2", b"\0" * 8]),
    ),
    min_size=1,
    max_size=4,
)


def consume(path: Path) -> None:
    """Do with a weights file what pixgen does with one. Raises whatever is no error of pixgen's."""
    uses: list[Callable[[], Any]] = [
        lambda: weights.read(path),
        lambda: weights.require_whole(path),
        lambda: vqgans.described(path),
        lambda: vqgan.load(path, architecture=SMALL),
        lambda: user_models.convert(path, None, path.with_name("out.safetensors")),
        lambda: store.count(path, "crops"),
        lambda: store.fingerprint(path),
        lambda: store.load(path, PriorConfig, Prior, "pixgen train prior"),
        lambda: store.load(path, TokenConfig, TokenDecoder, "pixgen train tokens"),
    ]
    for use in uses:
        attempt(use)


def attempt(use: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            use()
        except PixgenError as error:
            assert "unexpected" not in str(error).lower() and "weights_only" not in str(error)


@functools.cache
def whole() -> dict[str, bytes]:
    """A whole file of each format. No fixture: hypothesis would show its megabytes as an argument."""
    state = VQModel(SMALL).half().state_dict()
    made = {"safetensors": save({**state}, {"pixgen": json.dumps({"architecture": SMALL})})}
    for name, options in {
        "zip": {},
        "legacy": {"_use_new_zipfile_serialization": False},
        "newer": {"pickle_protocol": 4},
    }.items():
        out = io.BytesIO()
        torch.save(
            {"state_dict": state, "epoch": 3, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}, out, **options
        )
        made[name] = out.getvalue()
    with zipfile.ZipFile(io.BytesIO(made["zip"])) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name, extra in (("packed", {}), ("torchscript", {"archive/constants.pkl": b"\x80\x02)."})):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in (held | extra).items():
                archive.writestr(entry, content)
        made[name] = out.getvalue()
    return made


@functools.cache
def toy_perceptor() -> Any:
    """The tensors and the metadata of a small one."""
    with tempfile.TemporaryDirectory() as folder:
        tensors, metadata = weights.read(toys.networks(Path(folder)) / "perceptor.safetensors")
        return {name: value.clone() for name, value in tensors.items()}, metadata


FORMATS = ["safetensors", "zip", "legacy", "newer", "packed", "torchscript"]


@pytest.mark.parametrize("kind", FORMATS)
@fuzz(10)
@given(damages=damages)
def test_damaged_files(kind: str, damages: list[Damage], tmp_path: Path) -> None:
    content = whole()[kind]
    for damage in damages:
        content = damage(content)
    (tmp_path / "x.ckpt").write_bytes(content)
    consume(tmp_path / "x.ckpt")


tensors = st.builds(
    lambda shape, dtype: torch.zeros(shape, dtype=dtype),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64, torch.uint16]),
) | st.sampled_from([torch.zeros(1).expand(9000, 9000), torch.eye(2).to_sparse(), torch.zeros(2, device="meta")])
KEYS = (
    *(
        "state_dict",
        "model",
        "ema",
        "params_ema",
        "generator",
        "optimizer",
        "encoder",
        "module.a",
        "_orig_mod.a",
        "a.b",
    ),
    *("encoder.conv_in.weight", "first_stage_model.encoder.conv_in.weight", "encoder.mid.9.x", "quantize.proj.weight"),
)
keys = st.sampled_from(KEYS) | st.text(max_size=6)
held = st.recursive(
    tensors
    | st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.tuples(st.integers(), st.binary(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys | st.integers() | st.tuples(st.integers()), inner, max_size=4)
    ),
    max_leaves=8,
)


@fuzz(20)
@given(held=held, legacy=st.booleans(), protocol=st.sampled_from([2, 3, 4, 5]))
def test_what_a_checkpoint_may_hold(held: Any, legacy: bool, protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save(held, path, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    consume(path)


STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpuK\4tQ"
PIECES = [
    *(bytes([code]) for code in b"(tQR.lbsuae0212NI})]\x85\x86\x87\x88\x89\x81\x8f\x90\x91\x92\x93\x94hqj"),
    *(b"K\0", b"K\1", b"h\0", b"q\0", b"h\1", b"q\1", b"r\xff\xff\xff\xff", b"X\1\0\0\0a", b"X\xff\xff\xff\x7fa"),
    *(
        b"c__torch__.A\nB\n",
        b"ccollections\nOrderedDict\n",
        b"cposix\nsystem\n",
        b"cnumpy\ndtype\n",
        b"ctorch\nuint16\n",
    ),
    *(
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_tensor_v3\n",
        b"ctorch.jit._pickle\nbuild_intlist\n",
    ),
    *(b"ctorch._utils\n_rebuild_parameter\n", b"ctorch._tensor\n_rebuild_from_type_v2\n", STORAGE),
    b"ctorch._utils\n_rebuild_tensor_v2\n(" + STORAGE + b"K\0K\2\x85K\1\x85\x89}tR",
]
programs = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=25).map(b"".join)


@fuzz(80)
@given(program=programs, script=st.booleans())
def test_pickles_of_any_operations(program: bytes, script: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + program + b".")
        archive.writestr("x/data/0", bytes(16))
        if script:
            archive.writestr("x/constants.pkl", b"")
    attempt(lambda: weights.read(path))
    magic = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
    path.write_bytes(magic + b"\x80\x02" + program + b"." + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16))
    attempt(lambda: weights.read(path))


header = {
    "__metadata__": {"pixgen": "{}"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "U8", "shape": [0], "data_offsets": [24, 24]},
}


@fuzz(30)
@given(text=changed(header).map(lambda value: json.dumps(value).encode(errors="replace")), more=st.binary(max_size=4))
def test_headers_of_safetensors(text: bytes, more: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(24) + more)
    consume(tmp_path / "x.safetensors")


@fuzz(30)
@given(about=changed({"architecture": SMALL, "crops": 3}) | changed(SMALL))
def test_metadata_of_a_vqgan(about: Any, tmp_path: Path) -> None:
    save_file({"encoder.conv_in.weight": torch.zeros(1)}, tmp_path / "vqgan.safetensors", {"pixgen": json.dumps(about)})
    consume(tmp_path / "vqgan.safetensors")


NETWORKS: dict[str, tuple[type, Any, dict[str, Any]]] = {
    "prior": (PriorConfig, Prior, {"embedding": 16, "width": 16, "blocks": 1}),
    "tokens": (TokenConfig, TokenDecoder, {"codes": 8, "width": 16, "depth": 1, "heads": 2, "grid": 4}),
}


@pytest.mark.parametrize("name", NETWORKS)
@fuzz(25)
@given(data=st.data())
def test_metadata_of_other_networks(name: str, data: st.DataObject, tmp_path: Path) -> None:
    config, network, sizes = NETWORKS[name]
    about = data.draw(changed({"architecture": sizes, "pairs": 5}))
    save_file({"a": torch.zeros(2)}, tmp_path / "x.safetensors", {"pixgen": json.dumps(about)})
    attempt(lambda: store.load(tmp_path / "x.safetensors", config, network, "pixgen train"))
    attempt(lambda: store.count(tmp_path / "x.safetensors", "pairs"))


@fuzz(20)
@given(data=st.data())
def test_metadata_of_a_perceptor(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "perceptor.safetensors"
    tensors, metadata = toy_perceptor()
    save_file(tensors, path, {"pixgen": json.dumps(data.draw(changed(json.loads(metadata["pixgen"]))))})
    attempt(lambda: load_perceptor(path).encode_text(["a red fox", "", "ção"]))


@fuzz(30)
@given(data=st.data(), text=st.text(max_size=20))
def test_rules_of_a_tokenizer(data: st.DataObject, text: str) -> None:
    about = json.loads(rules(post_processor={"type": "BertProcessing", "sep": ["[PAD]", 0], "cls": ["[UNK]", 1]}))
    about["model"] = {
        **about["model"],
        "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3, "ab": 4},
        "merges": [["a", "b"]],
    }
    rewritten = json.dumps(data.draw(changed(about)))
    attempt(lambda: tokenizer_files.Vocabulary(rewritten, Path("x"), 24, 5, 0).ids([text, ""], empty=1))


@fuzz(30)
@given(data=st.data())
def test_banks_of_drawings(data: st.DataObject, tmp_path: Path) -> None:
    path = banked(tmp_path / "bank.safetensors")
    tensors, metadata = weights.read(path)
    if data.draw(st.booleans()):
        about = data.draw(changed(json.loads(metadata["pixgen"])))
        save_file(tensors, path, {"pixgen": json.dumps(about)})
    else:
        name = data.draw(st.sampled_from(list(tensors)))
        shape = data.draw(st.lists(st.integers(0, 33), max_size=3))
        save_file(tensors | {name: torch.zeros(shape, dtype=data.draw(st.sampled_from(list(DTYPES))))}, path, metadata)
    attempt(lambda: load_bank(tmp_path))


DTYPES = (torch.float32, torch.float16, torch.uint8, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn)

TAMING = {
    "model": {
        "target": "taming.models.vqgan.VQModel",
        "params": {key: SMALL[key] for key in ("ddconfig", "n_embed", "embed_dim")},
    }
}


@fuzz(20)
@given(values=changed(TAMING))
def test_the_command_line_over_configs(values: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, config, target = tmp_path / "x.ckpt", tmp_path / "x.yaml", tmp_path / "out.safetensors"
    source.write_bytes(whole()["zip"])
    config.write_text(yaml.safe_dump(values), errors="replace")
    code = run(["models", "convert", str(source), "--config", str(config), "-o", str(target), "--overwrite"])
    said = capsys.readouterr().err
    assert "unexpected" not in said and code in (0, 1, 2) and len(said.splitlines()) == (code != 0), said
