"""Options that got better names stay readable in files and pictures that have the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from torch import Tensor

from pixgen import registry
from pixgen.contracts import Frame, Loss
from pixgen.errors import UsageError
from pixgen.io import metadata
from pixgen.io.yaml_files import Layer, load_yaml
from pixgen.settings import config, replay
from pixgen.settings.layers import parse_assignments
from pixgen.settings.sources import sources

HERE = Path(__file__).parent


def resolve(*words: str) -> dict[str, object]:
    return config.resolve(parse_assignments(words)).start


def test_a_picture_drawn_before_the_rename_is_drawn_again() -> None:
    about = metadata.read(HERE / "earlier_uncoloured.png")  # by `--method dalle2 start.uncoloured=0.25`
    assert about.config["start"]["uncoloured"] == 0.25
    start = replay.config_of(about, HERE, "earlier_uncoloured.png").start
    assert start["colour_free_weight"] == 0.25 and "uncoloured" not in start


def test_a_file_with_the_earlier_name_is_read_and_its_line_known(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("start:\n  type: dalle1\n  uncoloured: 0.3\n")
    assert config.resolve([load_yaml(path)]).start["colour_free_weight"] == 0.3
    found = {each.key: each for each in sources([load_yaml(path)])}
    assert found["start.colour_free_weight"].place == f"{path}:3" and "start.uncoloured" not in found
    path.write_text("start:\n  type: dalle1\n  uncoloured: much\n")
    with pytest.raises(UsageError, match=r"mine\.yaml:3: start\.colour_free_weight is 'much'"):
        config.resolve([load_yaml(path)])


def test_the_later_layer_wins_whichever_name_it_has() -> None:
    assert resolve("start=dalle2", "start.colour_free_weight=0.1", "start.uncoloured=0.2")["colour_free_weight"] == 0.2
    assert resolve("start=dalle2", "start.uncoloured=0.2", "start.colour_free_weight=0.1")["colour_free_weight"] == 0.1


def test_both_names_at_once_and_the_name_on_another_plugin_are_refused() -> None:
    both = Layer({"start": {"type": "dalle2", "uncoloured": 0.2, "colour_free_weight": 0.1}}, "both")
    with pytest.raises(UsageError, match="both: start has 'colour_free_weight' and its earlier name 'uncoloured'"):
        config.resolve([both])
    with pytest.raises(UsageError, match="no option 'uncoloured'"):
        resolve("start=bank", "start.uncoloured=0.2")


def test_any_plugin_may_rename_an_option_of_a_term_or_a_schedule(tmp_path: Path) -> None:
    @registry.register("loss", "renamed-for-a-test")
    @dataclass
    class Renamed(Loss):
        now: float = 1.0
        renamed: ClassVar[Mapping[str, str]] = {"earlier": "now"}

        def __call__(self, frame: Frame) -> Tensor:
            raise NotImplementedError

    try:
        assert registry.create("loss", {"type": "renamed-for-a-test", "earlier": 2.0}).now == 2.0
        made = config.resolve(parse_assignments(["losses.x.type=renamed-for-a-test", "losses.x.earlier=3"]))
        assert made.losses["x"] == {"type": "renamed-for-a-test", "weight": 1.0, "now": 3}
        made = config.resolve(parse_assignments(["losses.renamed-for-a-test.earlier=4"]))  # the id is the type
        assert made.losses["renamed-for-a-test"]["now"] == 4
    finally:
        del registry._plugins["loss"]["renamed-for-a-test"]


@pytest.mark.parametrize("renamed", [{"now": "now"}, {"earlier": "later"}])
def test_a_rename_must_lead_from_no_option_to_an_option(renamed: dict[str, str]) -> None:
    @dataclass
    class Wrong(Loss):
        now: float = 1.0

        def __call__(self, frame: Frame) -> Tensor:
            raise NotImplementedError

    Wrong.renamed = renamed  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="renamed"):
        registry.register("loss", "wrong-for-a-test")(Wrong)
