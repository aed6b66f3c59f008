"""Weights files that would take all memory or time, or be read as other numbers than they hold."""

from __future__ import annotations

import base64
import json
import pickle
import resource
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pixgen.api import generate
from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
from pixgen.models import clips, limits, user_models, vqgans, weights
from pixgen.models.tokenizer_files import Vocabulary
from pixgen.networks import store, vqgan
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.scenery import bank
from tests.models import small


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """Whoever takes four gigabytes more than there are now fails, instead of filling the machine."""
    if sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4_000_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.ckpt"


def repacked(path: Path, compression: int = zipfile.ZIP_DEFLATED, folder: str = "") -> None:
    """Pack a checkpoint again, as a file manager does."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in held.items():
            archive.writestr(folder + name, content)


def require_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in expected.items())


@pytest.mark.parametrize("folder", ["", "a folder/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_checkpoint_packed_again_has_the_same_numbers(compression: int, folder: str, path: Path) -> None:
    expected, _ = weights.read(resources.embedded() / "vqgan.safetensors")
    assert len(expected) > 150
    torch.save({"state_dict": expected}, path)
    repacked(path, compression, folder)
    require_same(weights.read(path)[0], expected)


def test_numbers_of_every_type_come_back(path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    whole = torch.randint(0, 120, (3, 5), generator=random)
    types = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 float8_e4m3fn complex64".split()  # noqa: SIM905
    expected = {name: whole.to(getattr(torch, name)) for name in types}
    big = torch.arange(40.0)
    expected |= {"turned": big.view(5, 8).t(), "part": big[3:9:2], "empty": torch.zeros(0, 4)}
    expected["learnt"] = torch.nn.Parameter(torch.ones(2)).detach()
    for legacy in (False, True):
        torch.save(expected | {"step": 3}, path, _use_new_zipfile_serialization=not legacy)
        found, _ = weights.read(path)
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name].dtype == value.dtype and found[name].tolist() == value.tolist(), name


def test_a_pickle_of_a_newer_protocol_is_read(path: Path) -> None:
    torch.save({"state_dict": {"a": torch.arange(3)}}, path, pickle_protocol=4)
    require_same(weights.read(path)[0], {"a": torch.arange(3)})


def refused(path: Path, said: str) -> None:
    with pytest.raises(PixgenError, match=said) as caught:
        weights.read(path)
    assert "weights_only" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_small_tensor_does_not_become_a_large_one(legacy: bool, path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(16_384, 16_384)}, path, _use_new_zipfile_serialization=not legacy)
    assert path.stat().st_size < 2000
    refused(path, r"x\.ckpt was not loaded: its tensors would take 1,073,741,824 bytes, and the file has ")


def test_many_tensors_of_the_same_numbers_do_not_become_large(path: Path) -> None:
    torch.save({f"a{i}": torch.zeros(1).expand(1000, 1000) for i in range(40)}, path)
    refused(path, "its tensors would take 160,000,000 bytes")


def test_zeros_do_not_become_gigabytes(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02}.")
        with archive.open("x/data/0", "w", force_zip64=True) as file:
            for _ in range(100):
                file.write(bytes(1 << 20))
    assert path.stat().st_size < 200_000
    refused(path, "its entries would take 104,857,")


def test_a_directory_that_lies_is_seen(path: Path) -> None:
    torch.save({"state_dict": {"a": torch.arange(1000.0)}}, path)
    repacked(path)
    content = path.read_bytes()
    place = content.index(b"PK\1\2")
    # Every entry claims a few bytes: what it really holds is never unpacked.
    smaller = bytearray(content)
    for start in [i for i in range(place, len(content)) if content[i : i + 4] == b"PK\1\2"]:
        smaller[start + 24 : start + 28] = struct.pack("<I", 5)
    path.write_bytes(bytes(smaller))
    refused(path, "damaged")


@pytest.mark.parametrize(("compression", "said"), [(zipfile.ZIP_BZIP2, "unusual way"), (zipfile.ZIP_LZMA, "zip -0 -r")])
def test_other_compressions_are_named(compression: int, said: str, path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, path)
    repacked(path, compression)
    refused(path, said)


def test_a_zip_file_of_something_else_is_named(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.ckpt", b"")
    refused(path, r"not one of torch's: it holds model\.ckpt; unpack it first")


def torchscript(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/constants.pkl", b"\x80\x02).")
        archive.writestr("x/data.pkl", data)


def nested(depth: int, leaf: bytes = b"") -> bytes:
    """Objects that hold the next one twice: 2**depth ways to the last."""
    made = b"\x80\x02" + b"c__torch__.A\nB\n)\x81}" + leaf + b"bq\0"
    for _ in range(depth):
        made += b"0c__torch__.A\nB\n)\x81}(X\1\0\0\0ah\0X\1\0\0\0bh\0ubq\0"
    return made + b"."


def test_shared_objects_are_walked_once(path: Path) -> None:
    torchscript(path, nested(60))
    assert weights.read(path)[0] == {}
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" + b"0X\3\0\0\0cpuK\1tQ"
    tensor = b"X\1\0\0\0tctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0))\x89}tR"
    torchscript(path, nested(30, tensor + b"s"))
    refused(path, "more than 100,000 tensors")
    torchscript(path, nested(1000))
    refused(path, "deeper than 64")


def test_an_object_that_holds_itself_is_walked_once(path: Path) -> None:
    torchscript(path, b"\x80\x02c__torch__.A\nB\n)\x81q\0}X\1\0\0\0ah\0sb.")
    assert weights.read(path)[0] == {}


def pickled(path: Path, program: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", program)


def test_pickles_that_would_take_for_ever_or_all_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tuple of the one before, twice: its hash is computed in 2**60 steps, and its text would be as long.
    pickled(path, b"\x80\x02}K\1" + b"q\0h\0\x86" * 60 + b"K\1s.")
    refused(path, "holds no weights; it holds nothing")
    pickled(path, b"\x80\x02" + b"K\1" + b"q\0h\0\x86" * 60 + b".")
    refused(path, "holds no weights; it holds tuple")
    # A place in the memo that C's pickle makes room for.
    pickled(path, b"\x80\x02K\1r\xff\xff\xff\xff.")
    refused(path, "holds no weights")
    pickled(path, b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b".")
    refused(path, "damaged")
    pickled(path, b"\x80\x02\x8b" + struct.pack("<i", 1000) + b"\x7f" * 1000 + b".")
    refused(path, "a number of 7,999 bits")
    monkeypatch.setattr(limits, "MAX_OPERATIONS", 1000)
    pickled(path, b"\x80\x02" + b"]" * 2000 + b".")
    refused(path, "more than 1,000 operations")


def test_tensors_out_of_their_numbers_are_not_read(path: Path) -> None:
    class Lie:
        def __init__(self, size: Any, stride: Any, offset: Any = 0) -> None:
            self.arguments = size, stride, offset

        def __reduce__(self) -> Any:
            size, stride, offset = self.arguments
            storage = torch.zeros(4).untyped_storage()
            held = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)
            return torch._utils._rebuild_tensor_v2, (held, offset, size, stride, False, {})

    for lie in (Lie((5,), (1,)), Lie((2, 2), (3, 1)), Lie((4,), (1,), 1), Lie((2,), (1 << 40,))):
        torch.save({"a": lie}, path)
        refused(path, "damaged: a lies outside of its numbers")
    for lie in (
        Lie((-4,), (1,)),
        Lie((4,), (-1,)),
        Lie((4,), (1,), -1),
        Lie((1 << 60, 1 << 60), (0, 0)),
        Lie("4", "1"),
    ):
        torch.save({"a": lie}, path)
        refused(path, "damaged")


def test_the_refusal_of_a_pickle_does_not_advise_to_run_it(path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return print, ("ran",)

    for legacy in (False, True):
        torch.save({"state_dict": {"a": torch.zeros(1)}, "x": Evil()}, path, _use_new_zipfile_serialization=not legacy)
        refused(path, r"it holds builtins\.print, which is code, not a weight\. Nothing of it was run")
    path.write_bytes(pickle.dumps({"a": 1}))
    refused(path, "it is a pickle, but not one of torch's")
    path.write_bytes(pickle.dumps(Evil()))
    refused(path, r"it holds builtins\.print")


STATE = {"encoder.weight": torch.arange(6.0).reshape(2, 3), "decoder.bias": torch.ones(1)}
OTHER = {"encoder.weight": torch.zeros(2, 3), "decoder.bias": torch.zeros(1)}


@pytest.mark.parametrize(
    "held",
    [
        {"params": OTHER, "params_ema": STATE},
        {"state_dict": OTHER, "state_dict_ema": STATE},
        {"generator": STATE, "discriminator": OTHER, "step": torch.tensor(3)},
        {"model": {"state_dict": STATE}, "epoch": 3},
        {"state_dict": {"model": STATE, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}},
        {"netG": STATE, "optimizer_G": {"state": {"a": torch.ones(3)}}},
        {"checkpoint": {"vqgan": STATE}},
        {"encoder": {"weight": STATE["encoder.weight"]}, "decoder": {"bias": STATE["decoder.bias"]}},
        {"state_dict": {f"module.{name}": value for name, value in STATE.items()}},
        {"model": {f"_orig_mod.module.{name}": value for name, value in STATE.items()}},
        {f"module._orig_mod.{name}": value for name, value in STATE.items()},
        {name.replace(".", "._orig_mod."): value for name, value in STATE.items()},
        {f"module.module.{name}": value for name, value in STATE.items()},
    ],
)
def test_checkpoints_as_people_have_them(held: dict[str, Any], path: Path) -> None:
    torch.save(held, path)
    require_same(weights.read(path)[0], STATE)


def test_several_sets_of_weights_are_named_with_the_way_out(path: Path) -> None:
    torch.save({"first": STATE, "second": {"deep": OTHER}}, path)
    refused(
        path, r"several sets of weights, \['first'\], \['second'\]\['deep'\]; save the one .*torch\.load\('x\.ckpt'\)"
    )


def test_tensors_that_are_not_plain_are_named(path: Path) -> None:
    torch.save({"state_dict": {"a": torch.eye(3).to_sparse()}}, path)
    refused(path, r"a is not a plain tensor \(torch\._utils\._rebuild_sparse_tensor\); save it with \.to_dense\(\)")


@pytest.mark.parametrize("prefix", ["model.", "generator.", "module.model.", "first_stage_model.", "net.vqgan."])
def test_a_vqgan_within_another_network_is_found(prefix: str, path: Path) -> None:
    network = VQModel({**TINY, "n_embed": 4})
    state = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state | {"head.weight": torch.ones(1), f"{prefix}loss.a": torch.ones(1)}}, path)
    found = vqgan.load(path, architecture={**TINY, "n_embed": 4})
    require_same(found.state_dict(), network.state_dict())


def test_several_vqgans_in_a_file_are_named(path: Path) -> None:
    state = VQModel({**TINY, "n_embed": 4}).state_dict()
    torch.save({f"{part}.{name}": value for part in ("fine", "coarse") for name, value in state.items()}, path)
    with pytest.raises(PixgenError, match=r"holds several networks, fine\., coarse\."):
        vqgan.load(path, architecture={**TINY, "n_embed": 4})


# -- architectures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_res_blocks": 10_000_000}, "num_res_blocks is 10000000; it must be a whole number from 0 to 32"),
        ({"num_res_blocks": -1}, "num_res_blocks is -1"),
        ({"ch": 1e9}, r"ch is 1000000000.0 \(float\)"),
        ({"ch": "many"}, r"ch is 'many' \(str\); it must be int"),
        ({"ch_mult": [1] * 40}, "ch_mult has 40 levels; it must have 1 to 8"),
        ({"ch_mult": []}, "ch_mult has 0 levels"),
        ({"ch_mult": 3}, "ch_mult is 3"),
        ({"ch_mult": None}, "ch_mult is None"),
        ({"attn_resolutions": [[1]]}, "attn_resolutions"),
        ({"in_channels": 4}, "in_channels is 4"),
        ({"resolution": 0}, "resolution is 0"),
        ({"z_channels": True}, "z_channels is True"),
        ({"dropout": "inf"}, "dropout is 'inf'"),
        ({"dropout": 2.0}, "dropout is 2"),
    ],
)
def test_numbers_that_no_vqgan_has(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    built = {**TINY, "ddconfig": {**TINY["ddconfig"], **change}}
    for place in ({"architecture": built}, built):  # of today, and of before 0.1
        file = tmp_path / "x.safetensors"
        save_file({"encoder.conv_in.weight": torch.zeros(1)}, file, {"pixgen": json.dumps(place)})
        with pytest.raises(PixgenError, match=rf"x\.safetensors is not a VQGAN .*{said}"):
            vqgan.load(file)
        with pytest.raises(PixgenError, match=said):
            vqgans.described(file)
    config(tmp_path / "x.yaml", built["ddconfig"])
    with pytest.raises(UsageError, match=rf"x\.yaml: model\.params.*{said}"):
        vqgans.from_config(tmp_path / "x.yaml")


def config(path: Path, ddconfig: Any, **more: Any) -> Path:
    params = {"ddconfig": ddconfig, "n_embed": 4, "embed_dim": 8} | more
    path.write_text(json.dumps({"model": {"target": "taming.models.vqgan.VQModel", "params": params}}))
    return path


@pytest.mark.parametrize("ddconfig", [None, [1, 2], "256", 3, True])
def test_a_ddconfig_that_is_no_mapping(ddconfig: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x\.yaml: model\.params: ddconfig is .*; it must be 'name: value' lines"):
        vqgans.from_config(config(tmp_path / "x.yaml", ddconfig))


@pytest.mark.parametrize(
    ("more", "said"),
    [({"n_embed": 10**9}, "n_embed"), ({"embed_dim": None}, "embed_dim"), ({"n_embed": "1e3"}, "n_embed is '1e3'")],
)
def test_codes_that_no_vqgan_has(more: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"x\.yaml: model\.params.*{said}"):
        vqgans.from_config(config(tmp_path / "x.yaml", TINY["ddconfig"], **more))


def test_params_that_are_no_mapping(tmp_path: Path) -> None:
    for params in (None, [1], "a", 5):
        (tmp_path / "x.yaml").write_text(
            json.dumps({"model": {"target": "taming.models.vqgan.VQModel", "params": params}})
        )
        with pytest.raises(UsageError, match="has no ddconfig, n_embed, embed_dim"):
            vqgans.from_config(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text(json.dumps({"model": {"target": "a.Net2NetTransformer", "params": [1]}}))
    with pytest.raises(UsageError, match=r"no model\.target"):
        vqgans.from_config(tmp_path / "x.yaml")


def test_a_config_that_says_otherwise_than_the_file_is_not_ignored(tmp_path: Path) -> None:
    built = {**TINY, "n_embed": 4, "quantizer": "vq"}
    file, target = tmp_path / "x.safetensors", tmp_path / "out.safetensors"
    vqgans.write(VQModel(built).state_dict(), built, file)
    same = config(tmp_path / "same.yaml", TINY["ddconfig"])
    assert user_models.convert(file, same, target) == target
    other = config(tmp_path / "other.yaml", {**TINY["ddconfig"], "ch": 64}, n_embed=5)
    with pytest.raises(UsageError, match=r"other\.yaml says otherwise: the file has ch 32, not 64, n_embed 4, not 5"):
        user_models.convert(file, other, target)
    with pytest.raises(UsageError, match="cannot read"):
        user_models.convert(file, tmp_path / "none.yaml", target)


def test_a_config_for_what_is_no_vqgan_is_not_ignored(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"visual.proj": torch.zeros(1)}, file)
    with pytest.raises(UsageError, match=r"a\.yaml is for a VQGAN, and .*x\.safetensors is none"):
        user_models.convert(file, config(tmp_path / "a.yaml", TINY["ddconfig"]), tmp_path / "out.safetensors")
    with pytest.raises(UsageError, match="ddconfig is missing"):
        user_models.convert(file, config(tmp_path / "a.yaml", None), tmp_path / "out.safetensors")


@pytest.mark.parametrize(
    ("architecture", "said"),
    [
        ({"embedding": 16, "width": 16, "blocks": 10**7}, "blocks is 10000000"),
        ({"embedding": 10**9}, "embedding is 1000000000"),
        ({"embedding": None}, "embedding is None"),
        ({"other": 1}, "no option 'other'"),
        ([1], "no architecture"),
        (None, "no architecture"),
    ],
)
def test_numbers_that_no_prior_has(architecture: Any, said: str, tmp_path: Path) -> None:
    file = tmp_path / "prior.safetensors"
    save_file({"a": torch.zeros(1)}, file, {"pixgen": json.dumps({"architecture": architecture})})
    with pytest.raises(PixgenError, match=rf"prior\.safetensors was not written by .*{said}"):
        store.load(file, PriorConfig, Prior, "pixgen train prior")


@pytest.mark.parametrize("change", [{"depth": 10**8}, {"grid": 15}, {"heads": 7}, {"codes": 0}, {"patch": 99}])
def test_numbers_that_no_token_decoder_has(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="it must be|it needs"):
        TokenConfig(**change)


def perceptor(file: Path, **change: Any) -> None:
    tensors, metadata = weights.read(resources.embedded() / "perceptor.safetensors")
    about = json.loads(metadata["pixgen"])
    for key, value in change.items():
        about[key] = {**about[key], **value} if isinstance(value, dict) else value
    save_file(tensors, file, {"pixgen": json.dumps(about)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": {"residuals": 10**7}}, "residuals is 10000000"),
        ({"architecture": {"vocabulary": 5000}}, r"text\.tokens\.weight is \(4096, 192\), not \(5000, 192\)"),
        ({"architecture": {"widths": [1, 2]}}, "widths is"),
        ({"architecture": {"heads": 5}}, "heads divide"),
        ({"architecture": "small"}, "no architecture"),
        ({"words": 5}, "its gap or its words"),
        ({"tokenizer": {"normalizer": {"type": "Replace"}}}, "replaces by what is not text"),
    ],
)
def test_perceptors_that_say_what_none_says(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    from pixgen.networks.pair import load_perceptor

    perceptor(tmp_path / "x.safetensors", **change)
    with pytest.raises(PixgenError, match=rf"x\.safetensors.*{said}"):
        load_perceptor(tmp_path / "x.safetensors")


def openai(folder: Path, **change: torch.Tensor) -> Path:
    """A file of OpenAI's architectures: small, but for what is changed."""
    small.register(folder)
    state = {name: value.contiguous() for name, value in small.network().state_dict().items()}
    file = folder / "x.safetensors"
    save_file(state | change, file)
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ln_final.weight": torch.zeros(100_000)}, r"ln_final\.weight is \(100000,\)"),
        ({"positional_embedding": torch.zeros(50_000, 1)}, r"positional_embedding is \(50000, 1\)"),
        ({"ln_final.weight": torch.zeros(8192)}, r"size mismatch for positional_embedding"),
        ({"text_projection": torch.zeros(3)}, r"text_projection is \(3,\)"),
        ({"positional_embedding": torch.zeros(4096, 32)}, "num_heads"),
    ],
)
def test_sizes_of_a_clip_are_compared_before_memory_is_taken(
    change: dict[str, torch.Tensor], said: str, tmp_path: Path
) -> None:
    with pytest.raises(PixgenError, match=rf"x\.safetensors.*{said}"):
        clips.openai(openai(tmp_path, **change))


@pytest.mark.parametrize("name", ["hf-hub:evil/model", "local-dir:/tmp", "../x", 5, None, ""])
def test_an_architecture_is_a_name_of_open_clip_s(name: Any) -> None:
    for make in (lambda about: clips.build(about, None), lambda about: clips.tokenizer(about, None)):
        with pytest.raises(UsageError, match=r"architecture\.name is "):
            make({"name": name})


# -- safetensors --------------------------------------------------------------------------------------------------


def raw(file: Path, header: Any, numbers: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + numbers)
    return file


BYTES = {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}


@pytest.mark.parametrize(
    "header",
    [
        {"__metadata__": {"pixgen": 5}},
        {"__metadata__": [1]},
        {"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}},
        {"a": {"dtype": "F8_E8M0", "shape": [2], "data_offsets": [0, 2]}},
        {"a": {"dtype": "X", "shape": [2], "data_offsets": [0, 2]}},
        {"a": {"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 2]}},
        {
            "a": {"dtype": "U8", "shape": [0, 1 << 63], "data_offsets": [0, 0]},
            "b": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
        },
        {"a": [1]},
        b"{" + b"[" * 100_000,
        b"{}",
    ],
)
def test_odd_headers_are_named(header: Any, tmp_path: Path) -> None:
    try:
        weights.read(raw(tmp_path / "x.safetensors", header, b"\0\0"))
    except PixgenError as error:
        assert "x.safetensors is damaged" in str(error) and "\n" not in str(error)


def test_a_header_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", 90_000_000) + b"{" + b" " * 100)
    refused(tmp_path / "x.safetensors", "its header has 90,000,000 bytes, 32,000,000 at most")


@pytest.mark.parametrize("text", ["[" * 100_000, "5", "null", "{", '{"about": 5}', '{"architecture": 7}', "1" * 5000])
def test_odd_metadata_is_not_pixgen_s(text: str, tmp_path: Path) -> None:
    save_file({"encoder.conv_in.weight": torch.zeros(1)}, tmp_path / "x.safetensors", {"pixgen": text})
    with pytest.raises(UsageError, match="is not a VQGAN of known architecture"):
        vqgan.load(tmp_path / "x.safetensors")
    assert vqgans.described(tmp_path / "x.safetensors") is None
    with pytest.raises(PixgenError, match="its metadata says nothing of pixgen's|does not say how many crops"):
        store.count(tmp_path / "x.safetensors", "crops")


def test_complex_numbers_are_no_weights(tmp_path: Path) -> None:
    state = VQModel(TINY).state_dict()
    state["quant_conv.bias"] = state["quant_conv.bias"].to(torch.complex64)
    vqgans.write(state, TINY, tmp_path / "x.safetensors")
    with pytest.raises(PixgenError, match=r"quant_conv\.bias is of torch\.complex64, and weights are real"):
        vqgan.load(tmp_path / "x.safetensors")


def test_names_that_llamagen_never_had_do_not_fit(path: Path) -> None:
    for name in ("encoder.conv_blocks.99999.a", f"encoder.conv_blocks.{'9' * 5000}.a", "encoder.mid.7.a"):
        torch.save({"encoder.conv_blocks.0.a": torch.ones(1), name: torch.ones(1)}, path)
        with pytest.raises(PixgenError, match="does not fit"):
            vqgan.load(path, architecture=TINY)


# -- tokenizers ---------------------------------------------------------------------------------------------------


def rules(**change: Any) -> str:
    about = json.loads(weights.metadata(resources.embedded() / "perceptor.safetensors")["pixgen"])
    return json.dumps({**about["tokenizer"], **change})


def replace(pattern: Any, content: Any) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


LETTERS = base64.b64encode(bytes(4) + b"a" * 3000).decode()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (replace({"String": "a"}, "b" * 10_000_000), "10,000,000 times longer"),
        ({"type": "Sequence", "normalizers": [replace({"String": "a"}, "aa")] * 40}, "times longer"),
        ({"type": "Sequence", "normalizers": [replace({"Regex": ""}, "a")] * 40}, "times longer"),
        ({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "a" * 1000}]}, "1,001 times longer"),
        ({"type": "Sequence", "normalizers": [{"type": "NFC"}] * 65}, "more than 64 rules"),
        (
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(bytes(4) + b"a" * 3000).decode()},
            "times longer",
        ),
        ({"type": "Precompiled", "precompiled_charsmap": "?"}, "table of letters is damaged"),
        ({"type": "Run"}, "does not know its rule 'Run'"),
        (replace({"Regex": "("}, ""), "cannot be used"),
        ([1], "not those of a tokenizer"),
        (replace({"String": "a"}, 5), "not text"),
    ],
)
def test_rules_that_multiply_a_text_are_refused(rule: Any, said: str) -> None:
    with pytest.raises(PixgenError, match=rf"the tokenizer of x cannot be used: .*{said}|{said}"):
        Vocabulary(rules(normalizer=rule), Path("x"), 24, 4096, 0)


def test_rules_that_add_little_are_taken() -> None:
    gentle = {
        "type": "Sequence",
        "normalizers": [{"type": "NFKD"}, replace({"String": " "}, "▁"), {"type": "Lowercase"}],
    }
    assert Vocabulary(rules(normalizer=gentle), Path("x"), 24, 4096, 0).ids(["a red fox"]).shape == (1, 24)


def test_tokens_that_the_network_does_not_know_are_named() -> None:
    known = Vocabulary(rules(), Path("x"), 24, 5, 0)
    with pytest.raises(PixgenError, match=r"the tokenizer of x cannot be used: a token has the number \d+"):
        known.ids(["a red fox"])


# -- the bank of drawings -----------------------------------------------------------------------------------------


def banked(file: Path, n: int = 3, masks: int | None = None, **change: Any) -> Path:
    """A bank of n drawings; of its masks only zeros are kept."""
    packed = zlib.compress(bytes(n * 2048 if masks is None else masks), 9)
    tensors = {
        "codes": torch.zeros(n, 32, 32, dtype=torch.uint16),
        "masks": torch.frombuffer(bytearray(packed), dtype=torch.uint8),
        "images": torch.ones(n, 8),
        "captions": torch.ones(1, 8),
    }
    row = ["cat", "noto", "", "", "", 0, [0.5, 0.5, 0.5]]
    subject = {"kind": "animal", "en": ["cat"], "pt": ["gato"], "male": [], "female": []}
    about: dict[str, Any] = {"entries": [row] * n, "subjects": {"cat": subject}, "made_with": {}}
    tensors |= {name: value for name, value in change.items() if isinstance(value, torch.Tensor)}
    about |= {name: value for name, value in change.items() if not isinstance(value, torch.Tensor)}
    save_file(tensors, file, {"pixgen": json.dumps(about)})
    return file


@pytest.mark.parametrize(
    "change",
    [
        {"masks": 60_000_000},
        {"masks": 0},
        {"codes": torch.zeros(4, 32, 32, dtype=torch.uint16)},
        {"codes": torch.zeros(3, 32, 32)},
        {"codes": -torch.ones(3, 32, 32, dtype=torch.int64)},
        {"images": torch.ones(3, 9)},
        {"images": torch.ones(3)},
        {"entries": []},
        {"entries": [["cat", "noto", "", "", "", 9, [0.5, 0.5, 0.5]]] * 3},
        {"entries": [["cat", "noto", "", "", "", -1, [0.5, 0.5, 0.5]]] * 3},
        {"entries": [["cat", "noto", "", "", "", 0, [1e999, 0.5, 0.5]]] * 3},
        {"entries": [None] * 3},
        {"entries": 5},
        {"subjects": {"cat": None}},
        {"subjects": {"cat": {"kind": "animal", "en": 5}}},
        {"subjects": []},
        {"made_with": {"../../secret": "0"}},
        {"made_with": []},
    ],
)  # fmt: skip
def test_banks_that_are_none(change: dict[str, Any], tmp_path: Path) -> None:
    assert len(bank.load_bank(banked(tmp_path / "bank.safetensors").parent).entries) == 3
    banked(tmp_path / "bank.safetensors", **change)
    assert (tmp_path / "bank.safetensors").stat().st_size < 2_000_000
    with pytest.raises(PixgenError, match=r"bank\.safetensors is damaged or not a bank of drawings"):
        bank.load_bank(tmp_path)


def test_a_subject_that_a_bank_only_names_is_told(tmp_path: Path) -> None:
    folder = resources.embedded()
    for path in folder.glob("*.safetensors"):
        if path.name != "bank.safetensors":
            (tmp_path / path.name).symlink_to(path)
    tensors, metadata = weights.read_safetensors(folder / "bank.safetensors")
    about = json.loads(metadata["pixgen"])
    for entry in about["entries"]:
        entry[0] = "\x1b[31mnothing"
    save_file(tensors, tmp_path / "bank.safetensors", {**metadata, "pixgen": json.dumps(about)})
    with pytest.raises(PixgenError, match="names 'fox' and has no drawing of it; make it again"):
        generate("a red fox", model=str(tmp_path), size="64x64", steps=1)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_network_of_numbers_that_are_not_finite_is_damaged(number: float, tmp_path: Path) -> None:
    save_file({"a": torch.ones(3), "b\x1b": torch.tensor([1.0, number])}, tmp_path / "x.safetensors")
    with pytest.raises(PixgenError, match=r"x\.safetensors is damaged: .* has numbers that are not finite") as refused:
        store.read(tmp_path / "x.safetensors", "prior")
    assert "\x1b" not in str(refused.value)
    save_file({"a": torch.full((3,), 3e38)}, tmp_path / "x.safetensors")  # finite, though their sum is not
    store.read(tmp_path / "x.safetensors", "prior")


def test_a_beginning_alone_is_not_a_zip_file(path: Path) -> None:
    path.write_bytes(b"PK\3\4" + bytes(100))
    refused(path, "damaged")
