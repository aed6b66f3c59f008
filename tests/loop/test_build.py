import pytest
import torch

import pixgen.testing
from pixgen.errors import UsageError
from pixgen.io.yaml_files import Layer
from pixgen.loop.build import Models, build, stages
from pixgen.settings.config import RenderConfig, StageConfig, resolve, resolve_auto

TOYS = {
    "prompt": "a fox",
    "seed": 3,
    "size": "32x24",
    "steps": 6,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
    "generator": "toy",
    "perceptors": {"tiny": None, "toy": {"cutouts": 5}, "second": {"type": "toy", "weight": 3.0}},
    "starts": 2,
}


def config(**changes: object) -> RenderConfig:
    return resolve_auto(resolve([Layer({**TOYS, **changes}, "a test")]))


def test_a_config_becomes_a_run() -> None:
    losses = {"clip": {"weight": {"type": "linear"}}, "smooth": {"type": "tv", "weight": 0.5}, "pull": "init"}
    engine = build(config(losses=losses))
    assert engine.session.perceptor_weights == {"toy": 0.25, "second": 0.75}
    assert engine.scene.cutouts == {"toy": 5}
    steps = list(engine)
    assert len(steps) == 6 and steps[-1].images().shape == (1, 3, 24, 32)
    assert set(steps[-1].losses) == {"clip", "smooth", "pull"}


@pytest.mark.parametrize("keep", [True, False])
def test_texts_to_come_keep_their_tower(keep: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    released = []
    monkeypatch.setattr(pixgen.testing.ToyPerceptor, "release_text", lambda self: released.append(self))
    build(config(), models=Models(keep_text_towers=keep))
    assert bool(released) is not keep


def test_starts_hear_only_of_looks_to_be_reached() -> None:
    weights = {"oil": 1.0, "ink": -1.0, "neon": 0.0, "later": {"type": "linear", "start": 0.0, "end": 1.0}}
    losses = {name: {"type": "phrase", "text": name, "weight": weight} for name, weight in weights.items()}
    assert build(config(losses=losses)).session.phrases == ["oil", "later"]


def test_pictures_of_a_batch_have_their_own_prompts_and_seeds() -> None:
    step = next(build(config(), [("a fox", 1), ("a dog | a cat", 2)]))
    assert step.images().shape[0] == 2 and step.total.shape == (2,)


def test_models_serve_the_runs_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    for toy in (pixgen.testing.ToyGenerator, pixgen.testing.ToyPerceptor):
        monkeypatch.setattr(toy, "prepare", lambda self, device, name=toy.__name__: loaded.append(name))
    models = Models()
    first = [next(build(config(), models=models)).total for _ in range(2)]
    assert sorted(loaded) == ["ToyGenerator", "ToyPerceptor"]  # two perceptors of equal options are one
    assert torch.equal(*first) and torch.equal(first[0], next(build(config())).total)
    build(config(perceptors={"tiny": None, "toy": {"seed": 1}}), models=models)
    assert len(loaded) == 2 + 2 + 1


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 110])
def test_stages_add_up_to_all_steps(steps: int) -> None:
    made = stages(
        RenderConfig(
            steps=steps,
            size=(100, 200),
            stages=[StageConfig(0.3, 0.25), StageConfig(0.3, 0.5, 7, 0.1), StageConfig(0.4)],
        ),
        min_side=0,
    )
    assert sum(stage.steps for stage in made) == steps and all(stage.steps > 0 for stage in made)
    assert made[-1].size == (100, 200)


def test_no_stage_is_smaller_than_its_start_can_begin_at() -> None:
    coarse_to_fine = [StageConfig(0.4, 0.25), StageConfig(0.3, 0.5), StageConfig(0.3)]

    def sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
        return [stage.size for stage in stages(RenderConfig(steps=10, size=size, stages=coarse_to_fine), 128)]

    assert sizes((256, 512)) == [(128, 256), (128, 256), (256, 512)]
    assert sizes((1024, 1024)) == [(256, 256), (512, 512), (1024, 1024)]
    assert sizes((64, 96)) == [(64, 96)] * 3  # the picture itself is smaller: at its own size


def test_bfloat16_leaves_params_and_losses_in_float32() -> None:
    made = config()
    made.precision = "bfloat16"
    step = next(build(made))
    assert step.total.dtype == torch.float32 and step.params["grid"].dtype == torch.float32


def test_a_run_without_losses_or_perceptors_is_refused() -> None:
    with pytest.raises(UsageError, match="no loss"):
        build(config(losses={"clip": None}))
    with pytest.raises(UsageError, match="no perceptor"):
        build(config(perceptors={"tiny": None}))
