"""What is chosen on the page becomes the settings that the command line would have made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.settings import layers
from pixgen.ui import choices
from pixgen.ui.choices import Choices


@pytest.fixture(autouse=True)
def _nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))


def test_an_empty_form_leaves_all_to_presets_and_models() -> None:
    plain, fine = Choices("a fox").config(), Choices("a fox", presets=["fine"]).config()
    assert fine.size == (512, 512) != plain.size
    assert plain.steps == fine.steps
    assert isinstance(plain.seed, int)


def test_what_is_filled_in_wins_over_presets() -> None:
    config = Choices(
        "a fox", presets=["draft", "ink"], size="96x64", steps=" 7 ", seed="5", generator="multires", more="cutouts=3"
    ).config()
    assert (config.size, config.steps, config.seed, config.cutouts) == ((64, 96), 7, 5, 3)
    assert config.generator["type"] == "multires"
    assert set(config.losses) >= {"look", "paper", "hard"}


def test_a_method_without_a_loop_has_its_own_steps() -> None:
    config = Choices("a fox", method="dalle2", steps="50").config()
    assert (config.start["type"], config.steps) == ("dalle2", 1)
    with pytest.raises(UsageError, match="start picture"):
        Choices("a fox", method="dalle1", start=Path("fox.png")).config()


def test_a_weight_that_was_not_moved_keeps_its_schedule() -> None:
    ramp = "losses.clip.weight={type: linear, start: 2, end: 1}"
    asked = Choices("a fox", losses=["tv"], weights={"clip": 2.0, "tv": 0.3, "gone": 1.0}, more=ramp)
    config = asked.config()
    assert config.losses["clip"]["weight"]["type"] == "linear"
    assert config.losses["tv"] == {**config.losses["tv"], "type": "tv", "weight": 0.3}
    assert "gone" not in config.losses
    assert Choices("a fox", losses=["tv"], weights={"clip": 3.0}, more=ramp).config().losses["clip"]["weight"] == 3.0


def test_the_terms_are_known_before_there_is_a_prompt() -> None:
    assert set(Choices(presets=["watercolor"], losses=["symmetry"]).terms()) >= {"clip", "look", "symmetry"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Choices(""), "empty"),
        (Choices("x" * 100_000), "100,000 characters"),
        (Choices("a fox", steps="many"), "steps is 'many'; it must be a whole number"),
        (Choices("a fox", seed="9" * 5000), "seed is"),
        (Choices("a fox", seed=str(2**63)), "seed"),
        (Choices("a fox", size="big"), "not a size"),
        (Choices("a fox", size="16000x16000"), "memory"),
        (Choices("a fox", presets=["inkk"]), "did you mean 'ink'"),
        (Choices("a fox", more="nonsense"), "KEY=VALUE"),
        (Choices("a fox", more="stepz=3"), "did you mean 'steps'"),
        (Choices("a fox", more="steps=1\n" * 300), "most is 200"),
        (Choices("a fox", start=Path("/nowhere/fox.png"), more="start.noise=x"), "start.noise"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(asked: Choices, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        asked.config()
    assert "\n" not in str(error.value)


def test_what_is_offered_can_be_taken() -> None:
    for name in choices.losses():
        assert name in Choices(losses=[name]).terms()
    assert {"tv", "symmetry"} <= set(choices.losses())
    assert {"vqgan", "multires"} <= set(choices.generators())
    for name in layers.preset_names():
        assert Choices(presets=[name]).terms()
