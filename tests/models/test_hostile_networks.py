"""Architectures, safetensors, tokenizers and banks that would take all memory or time, or say what none can."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pixgen.api import generate
from pixgen.errors import PixgenError, UsageError
from pixgen.io import resources
from pixgen.models import clips, user_models, vqgans, weights
from pixgen.models.tokenizer_files import Vocabulary
from pixgen.networks import store, vqgan
from pixgen.networks.prior import Prior, PriorConfig
from pixgen.networks.token_decoder import TokenConfig
from pixgen.networks.vqgan import TINY, VQModel
from pixgen.scenery import bank
from tests.models import small
from tests.models.test_hostile import refused

pytestmark = pytest.mark.usefixtures("little_memory")


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
