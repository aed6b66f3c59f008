"""Plugins are found by kind and name, checked against their fields, and never take pixgen down."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pixgen import registry
from pixgen.contracts import Frame, Loss
from pixgen.errors import PixgenError, UsageError
from pixgen.io import schema
from pixgen.registry import register

CHECKOUT = Path(__file__).parent.parent


pytestmark = pytest.mark.usefixtures("registry_as_before")


@dataclass
class Chroma(Loss):
    """Pulls to a colourfulness.

    mode: how it is measured.
    """

    reads = "images"
    target: float = 0.3
    """Where to."""
    mode: Literal["max", "std"] = "max"
    colours: tuple[str, ...] = ()
    limit: int | None = None
    per_id: dict[str, float] = field(default_factory=dict)
    state: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.target < 0:
            raise ValueError("target is below zero")

    def __call__(self, frame: Frame) -> Tensor:
        raise NotImplementedError


def test_options_are_the_fields_with_what_is_written_under_them() -> None:
    register("loss", "chroma")(Chroma)
    found = {option.name: option for option in registry.options("loss", "chroma")}
    assert list(found) == ["target", "mode", "colours", "limit", "per_id"]
    assert found["target"] == registry.Option("target", "float", 0.3, "Where to.")
    assert found["mode"] == registry.Option("mode", "'max' | 'std'", "max", "how it is measured.")
    assert found["limit"].type == "int | null"
    assert found["per_id"].default == {}


def test_an_instance_from_plain_data() -> None:
    register("loss", "chroma")(Chroma)
    made = registry.create("loss", {"type": "chroma", "target": 1, "colours": ["red"], "per_id": {"a": 1}})
    assert made == Chroma(target=1.0, colours=("red",), per_id={"a": 1.0})
    assert isinstance(made.target, float)


@pytest.mark.parametrize(
    ("options", "key", "reason"),
    [
        ({"targte": 1}, "t.targte", "t has no option 'targte'; did you mean 'target'"),
        ({"zzz": 1}, "t.zzz", "there are target, mode, colours"),
        ({"wieght": 1}, "t.wieght", "did you mean 'weight'"),
        ({"state": 1}, "t.state", "no option 'state'"),
        ({"target": "1"}, "t.target", r"t.target is '1' \(str\); it must be float"),
        ({"target": True}, "t.target", "must be float"),
        ({"target": float("nan")}, "t.target", "float can hold"),
        ({"target": -1}, "t", "t: target is below zero"),
        ({"mode": "mx"}, "t.mode", "must be one of 'max', 'std'; did you mean 'max'"),
        ({"colours": "red"}, "t.colours", "must be tuple"),
        ({"colours": ["red", 3]}, "t.colours[1]", "must be str"),
        ({"limit": 1.5}, "t.limit", r"must be int \| null"),
        ({"per_id": {"a": "b"}}, "t.per_id.a", "must be float"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], key: str, reason: str) -> None:
    register("loss", "chroma")(Chroma)
    with pytest.raises(schema.OptionError, match=reason) as error:
        registry.create("loss", {"type": "chroma", **options}, "t")
    assert error.value.key == key


def test_an_unknown_plugin_or_kind_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no loss called 'clp'; did you mean 'clip'"):
        registry.get("loss", "clp")
    with pytest.raises(UsageError, match="no plugin kind 'los'; did you mean 'loss'"):
        registry.names("los")
    with pytest.raises(UsageError, match="needs a type"):
        registry.create("loss", {})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["target", "mode", "colours", "limit", "per_id"]), PLAIN)
def test_any_plain_value_is_taken_or_refused(name: str, value: Any) -> None:
    try:
        made = schema.build(Chroma, {name: value}, "t")
    except UsageError:
        return
    assert schema.build(Chroma, {name: getattr(made, name)}, "t") == made


def test_two_plugins_of_one_name_are_both_named() -> None:
    @dataclass
    class Other(Chroma):
        pass

    register("loss", "chroma")(Chroma)
    register("loss", "chroma")(Chroma)  # the same one again is no matter
    with pytest.raises(PixgenError, match=r"loss\.chroma: .*\.Chroma and .*\.Other"):
        register("loss", "chroma")(Other)


def test_what_cannot_be_a_plugin() -> None:
    class Forgotten(Chroma):
        pass

    with pytest.raises(TypeError, match="put @dataclass below"):
        register("loss", "x")(Forgotten)
    with pytest.raises(TypeError, match=r"must derive from pixgen\.contracts\.Filter"):
        register("filter", "x")(Chroma)
    with pytest.raises(TypeError, match="no plugin name"):
        register("loss", "a.b")(Chroma)
    for name in ("type", "weight"):
        with pytest.raises(TypeError, match=f"option '{name}'"):
            register("loss", "x")(dataclasses.make_dataclass("Clash", [(name, str, "")], bases=(Loss,)))


PLUGIN = """
from dataclasses import dataclass
from pixgen.contracts import Loss
from pixgen.registry import register

@register("loss", "{name}")
@dataclass
class Mine(Loss):
    reads = "images"
    strength: float = 2.0
    def __call__(self, frame):
        return self.strength * frame.images.mean((1, 2, 3))
{rest}
"""


def test_a_plugin_file(tmp_path: Path) -> None:
    path = tmp_path / "my plugin.py"
    path.write_text(PLUGIN.format(name="mine", rest=""))
    registry.load_file(path)
    registry.load_file(path)
    assert registry.create("loss", {"type": "mine", "strength": 3}).strength == 3.0


@pytest.mark.parametrize("rest", ["1 / 0", "raise SystemExit(3)", "def ("])
def test_a_plugin_file_that_fails_leaves_nothing_behind(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(PLUGIN.format(name="bad", rest=rest))
    with pytest.raises(UsageError, match=r"bad\.py' failed: "):
        registry.load_file(path)
    assert "bad" not in registry.names("loss")


def test_a_plugin_file_that_was_imported_already_is_not_run_again() -> None:
    from pixgen import testing

    registry.load_file(testing.__file__)
    assert registry.get("perceptor", "toy") is testing.ToyPerceptor


def test_a_plugin_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no plugin file"):
        registry.load_file(tmp_path / "none.py")
    (tmp_path / "plugin.txt").write_text("")
    with pytest.raises(UsageError, match="no Python file"):
        registry.load_file(tmp_path / "plugin.txt")


SETUP = """
from setuptools import setup
setup(
    name="wild-plugins",
    version="1",
    py_modules=["wild", "wild_broken"],
    entry_points={"pixgen.plugins": ["wild = wild", "broken = wild_broken", "missing = wild_missing"]},
)
"""

WILD = (
    PLUGIN.format(name="wild", rest="")
    + '''
import torch
import torch.nn.functional as F
from pixgen.contracts import Generator
from pixgen.contracts import Scheduler

@register("generator", "wild")
@dataclass
class Flat(Generator):
    """One colour."""
    def init(self, size, streams):
        colour = torch.rand(1, 3, 1, 1, generator=streams.generator("init"))
        return {"colour": colour, "canvas": torch.zeros(1, 1, *size)}
    def decode(self, params):
        return params["colour"].sigmoid() + params["canvas"]
    def encode(self, images):
        return {"colour": images.mean((2, 3), keepdim=True).logit(), "canvas": images[:, :1] * 0}

@register("scheduler", "wild")
@dataclass(frozen=True)
class Saw(Scheduler):
    teeth: int = 3
    def value(self, progress):
        return progress * self.teeth % 1 + 0.1
'''
)

USE = """
from pixgen import registry, testing
from pixgen.loop.engine import Engine
from pixgen.registry import schedule

made = registry.create("generator", {"type": "wild"})
scene = testing.scene(generator=made, losses={"w": {"type": "wild"}}, lr=schedule({"type": "wild", "teeth": 2}))
totals = [float(step.total) for step in Engine(scene)]
assert totals[-1] < totals[0], totals
assert "clip" in registry.names("loss") and "bad" not in registry.names("loss")
for name, reason in registry.problems().items():
    print(name, "|", reason)
"""


@pytest.mark.slow
def test_a_third_party_package_is_installed_and_used(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "setup.py").write_text(SETUP)
    (source / "wild.py").write_text(WILD)
    (source / "wild_broken.py").write_text(PLUGIN.format(name="bad", rest="import not_there"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", target, source], check=True)
    program = f"import sys; sys.path[:0] = [{str(target)!r}, {str(CHECKOUT)!r}]\n{USE}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "broken (wild_broken) | ModuleNotFoundError: No module named 'not_there'",
        "missing (wild_missing) | ModuleNotFoundError: No module named 'wild_missing'",
    ]
