"""How settings merge, what is refused and where it says so, and that a stored config comes back the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixgen.backend import hardware
from pixgen.errors import UsageError
from pixgen.io import resources
from pixgen.io.yaml_files import Layer, load_yaml
from pixgen.settings import config
from pixgen.settings.config import RenderConfig
from pixgen.settings.layers import load_preset, parse_assignments


def resolve(*words: str, base: RenderConfig | None = None) -> RenderConfig:
    return config.resolve(parse_assignments(words), base=base)


def test_the_defaults_are_complete_and_say_every_plugin_option() -> None:
    made = config.resolve([])
    assert made.losses["clip"]["weight"] == 1.0
    assert made.cutter.keys() > {"type", "whole"}
    assert sum(stage.steps for stage in made.stages) == pytest.approx(1)


def test_later_layers_win() -> None:
    said = [Layer({"steps": 1, "starts": 2, "losses": {"clip": {"weight": 3}}}, "first"), Layer({"steps": 5}, "second")]
    made = config.resolve(said)
    assert (made.steps, made.starts, made.losses["clip"]["weight"]) == (5, 2, 3)


def test_the_generators_defaults_lie_beneath_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from pixgen.plugins.generators.pixel import Pixel

    usual = resolve().steps
    monkeypatch.setattr(Pixel, "defaults", {"optimizer": {"type": "SGD", "lr": 3.0}, "steps": 7})
    assert resolve().steps == usual != 7
    made = resolve("generator=pixel", "steps=9")
    assert (made.optimizer["type"], made.optimizer["lr"], made.steps) == ("SGD", 3.0, 9)


def test_the_pairs_profile_lies_over_the_generators_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pixgen.plugins.generators.pixel import Pixel

    (tmp_path / "models").mkdir()
    file = tmp_path / "models" / "mine.yaml"
    file.write_text("pair: {generator: pixel, perceptors: [tiny]}\nprofile:\n  steps: 8\n  starts: 3\n")
    monkeypatch.setattr(resources, "configs", lambda: tmp_path)
    monkeypatch.setattr(Pixel, "defaults", {"steps": 7, "cutouts": 5})
    made = resolve("generator=pixel", "starts=1")
    assert (made.steps, made.cutouts, made.starts) == (8, 5, 1)
    assert resolve().starts == RenderConfig().starts
    file.write_text("pair: {generator: pixel, perceptors: [tiny]}\nprofile:\n  stepz: 8\n")
    with pytest.raises(UsageError, match=r"mine.yaml:3: .*did you mean 'steps'"):
        resolve("generator=pixel")


def test_terms_are_added_changed_and_deleted_by_id() -> None:
    words = ("losses.warm.type=tv", "losses.warm.weight=0.3", "losses.tv.weight=2", "losses.clip=null")
    made = resolve("generator=pixel", *words)  # whose pair with the perceptor has no profile
    assert {name: (term["type"], term["weight"]) for name, term in made.losses.items()} == {
        "warm": ("tv", 0.3),
        "tv": ("tv", 2),
    }


def test_null_leaves_a_weight_and_a_rate_at_their_defaults() -> None:
    words = ("losses.clip.weight=null", "perceptors.tiny.weight=null", "optimizer.lr=null")
    made = resolve("generator=pixel", *words)
    assert made.losses["clip"]["weight"] == made.perceptors["tiny"]["weight"] == 1.0
    assert made.optimizer["lr"] == 0.1


def test_another_type_begins_with_options_of_its_own() -> None:
    made = resolve("noise.until=0.5", "noise={type: cosine, start: 1}", "optimizer.betas=[0.5, 0.9]", "optimizer=SGD")
    assert made.noise == {"type": "cosine", "start": 1}
    assert "betas" not in made.optimizer


@pytest.mark.slow
def test_text_stays_text_whatever_it_looks_like() -> None:
    for text in ("${oc.env:HOME}", "???", "\\${x}", "a: b", "null", "1984"):
        made = config.resolve([Layer({"prompt": text}, "here")])
        assert made.prompt == text
        assert config.from_dict(config.to_dict(made)) == made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stepz=3", "'stepz'; did you mean 'steps'"),
        ("losses.clip.wieght=1", "did you mean"),
        ("losses.clip.weight=heavy", "losses.clip.weight is 'heavy'"),
        ("losses.clip.weight={type: cosin}", "did you mean 'cosine'"),
        ("losses.tvv.weight=1", "no loss called 'tvv'"),
        ("losses=null", "losses is None"),
        ("losses.clip=[1]", r"losses.clip is \[1\]"),
        ("generator=vqgam", "did you mean 'vqgan'"),
        ("generator=3", "generator is 3"),
        ("start.typ=random", "start has no option 'typ'"),
        ("optimizer=LBFGS", "use Adam"),
        ("optimizer.betaz=[1]", "did you mean 'betas'"),
        ("optimizer.lr=fast", "optimizer.lr is 'fast'"),
        ("optimizer.clip_norm=0", "optimizer.clip_norm is 0; it must be above zero"),
        ("perceptors.tiny.cutouts=0", "from 1 to"),
        ("perceptors.tiny.weight=-1", "above zero"),
        ("steps=1.5", r"steps is 1.5 \(float\); it must be int"),
        ("steps=0", "from 1 to"),
        ("threads=many", "threads is many"),
        ("seed=-1", "auto or 0"),
        ("size=256x", "write WIDTHxHEIGHT"),
        ("size=[256, 128]", "write WIDTHxHEIGHT"),
        ("size=2x99999", "pixels a side"),
        ("device=gpu", "cuda:N"),
        ("precision=half", "float16"),
        ("average=1", "below 1"),
        ("noise=.inf", "finite"),
        ("stages=[]", "adding up to 1"),
        ("stages=[{steps: 0.5}]", "adding up to 1"),
        ("stages=[{steps: 1, size: 0.5}]", r"stages\[0\].size is 0.5; it must be 1 in the last"),
        ("stages=[{stepz: 1}]", "did you mean 'steps'"),
        ("prompt.a=1", "prompt is"),
    ],
)
def test_mistakes_are_named_with_their_place(word: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        resolve("steps=20", word, "starts=2")
    assert str(error.value).startswith(f"argument {word!r}: ")


def test_a_files_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("steps: 10\nlosses:\n  clip:\n    weight: 2\n    wait: 3\n")
    with pytest.raises(UsageError, match=f"^{path}:5: losses.clip has no option 'wait'"):
        config.resolve([load_yaml(path), *parse_assignments(["steps=3"])])


@pytest.mark.slow
def test_every_preset_resolves() -> None:
    for path in resources.presets().glob("*.yaml"):
        assert load_yaml(path).values["description"]
        config.resolve([load_preset(path.stem)])


@pytest.mark.slow
@settings(max_examples=25)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            "seed": st.integers(0, 2**63 - 1),
            "size": st.tuples(st.integers(8, 999), st.integers(8, 999)),
            "average": st.floats(0, 1, exclude_max=True),
            "losses": st.just({"clip": None}) | st.just({"t": {"type": "tv", "weight": {"type": "linear", "end": 1}}}),
            "noise": st.floats(0, 9) | st.just({"type": "step", "drops": [0.5]}),
            "generator": st.sampled_from(["pixel", "multires"]),
        },
    )
)
def test_a_stored_config_comes_back_the_same(values: dict[str, Any]) -> None:
    made = config.resolve([Layer(values, "here")])
    assert config.from_dict(json.loads(json.dumps(config.to_dict(made)))) == made


def test_again_changes_only_what_is_said() -> None:
    first = resolve("generator=pixel", "losses.clip=null", "losses.tv.weight=1")
    again = resolve("steps=400", base=config.from_dict(config.to_dict(first)))
    assert config.to_dict(again) == {**config.to_dict(first), "steps": 400}


def test_a_stored_config_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="the stored config: .*'stepz'"):
        config.from_dict({"stepz": 1})


def test_every_auto_is_resolved_once() -> None:
    made = config.resolve_auto(resolve())
    assert "auto" not in config.to_dict(made).values()
    assert isinstance(made.seed, int)
    assert config.resolve_auto(made) == made
    assert config.resolve_auto(resolve("seed=3", "threads=1", "batch=2")).seed == 3


def test_bfloat16_only_where_the_processor_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    for has, wanted in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        assert hardware.precision("auto", "cpu") == wanted
    assert hardware.precision("bfloat16", "cpu") == "bfloat16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no device 'cuda' here; torch finds cpu"):
        hardware.device("cuda")


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_sizes_round_trip(height: int, width: int) -> None:
    assert config.parse_size(config.format_size((height, width))) == (height, width)
    assert config.parse_size(str(width)) == (width, width)


@pytest.mark.parametrize("value", [[], [1], [{"type": "step"}]])
@pytest.mark.parametrize("under", [{"type": "step", "drops": [0.5]}, 1, None])
def test_a_list_where_a_mapping_stands_is_refused(value: Any, under: Any) -> None:
    beneath = [Layer({"noise": under}, "a.yaml")] if under else []
    with pytest.raises(UsageError, match=r"b\.yaml: .*noise"):
        config.resolve([*beneath, Layer({"noise": value}, "b.yaml")])
