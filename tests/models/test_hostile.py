"""Weights files that would take all memory or time, or be read as other numbers than they hold."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pixgen.errors import PixgenError
from pixgen.io import resources
from pixgen.models import limits, weights
from pixgen.networks import store, vqgan
from pixgen.networks.vqgan import TINY, VQModel

pytestmark = pytest.mark.usefixtures("little_memory")


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


def test_a_beginning_alone_is_not_a_zip_file(path: Path) -> None:
    path.write_bytes(b"PK\3\4" + bytes(100))
    refused(path, "damaged")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_network_of_numbers_that_are_not_finite_is_damaged(number: float, tmp_path: Path) -> None:
    save_file({"a": torch.ones(3), "b\x1b": torch.tensor([1.0, number])}, tmp_path / "x.safetensors")
    with pytest.raises(PixgenError, match=r"x\.safetensors is damaged: .* has numbers that are not finite") as refused:
        store.read(tmp_path / "x.safetensors", "prior")
    assert "\x1b" not in str(refused.value)
    save_file({"a": torch.full((3,), 3e38)}, tmp_path / "x.safetensors")  # finite, though their sum is not
    store.read(tmp_path / "x.safetensors", "prior")
