from dataclasses import dataclass, replace

import pytest
import torch

import pixgen.contracts
from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.contracts import Filter, Frame, Scheduler
from pixgen.loop.average import Average
from pixgen.loop.best_start import best_start, start_loss
from pixgen.loop.engine import Diverged, Engine
from pixgen.loop.scene import Stage, Term
from pixgen.registry import schedule
from pixgen.testing import scene


def test_the_loss_falls_and_losses_are_one_a_picture() -> None:
    steps = list(Engine(scene([(0, "a fox"), (1, "a dog")], stages=[Stage(25, (32, 32), 8)])))
    assert [step.index for step in steps] == list(range(25)) and steps[0].steps == 25
    assert steps[0].losses["clip"].shape == (2,)
    assert (steps[-1].total < 0.8 * steps[0].total).all()


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_stream_alone() -> None:
    options = {"noise": schedule(0.1), "starts": 2, "stages": [Stage(2, (16, 16), 4), Stage(2, (32, 32), 4)]}
    before = torch.get_rng_state()
    first = [step.images() for step in Engine(scene(**options))]
    torch.rand(3)
    after = torch.get_rng_state()
    again = [step.images() for step in Engine(scene(**options))]
    assert torch.equal(torch.get_rng_state(), after) and not torch.equal(before, after)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = [step.images() for step in Engine(scene([(1, "a fox")], **options))]
    assert not torch.equal(first[-1], other[-1])


def test_another_loss_shifts_no_stream() -> None:
    losses = {"clip": {"type": "clip"}, "tv": {"type": "tv", "weight": 0.0}}
    alone, beside = (list(Engine(scene(losses=chosen)))[-1] for chosen in ({"clip": losses["clip"]}, losses))
    assert torch.equal(alone.losses["clip"], beside.losses["clip"])


def test_stages_grow_the_picture_and_the_start() -> None:
    stages = [Stage(2, (16, 24), 4), Stage(3, (32, 48), 4, lr=0.5)]
    made, seen = scene(stages=stages), []
    made.terms["pull"] = Term(Sees(seen), schedule(1.0))
    steps = list(Engine(made))
    assert [tuple(step.images().shape[2:]) for step in steps] == [(16, 24)] * 2 + [(32, 48)] * 3
    assert [step.lr for step in steps] == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.05])
    starts = [frame.start["grid"] for frame in seen]
    assert [tuple(start.shape) for start in starts] == [(1, 3, 4, 6)] * 2 + [(1, 3, 8, 12)] * 3
    assert torch.equal(starts[0], seen[0].params["grid"]) and torch.equal(starts[0], starts[1])
    assert not starts[0].requires_grad


@dataclass
class Sees(pixgen.contracts.Loss):
    """Notes every frame."""

    seen: list[Frame]
    reads = "params"

    def __call__(self, frame: Frame) -> torch.Tensor:
        params = {name: value.detach().clone() for name, value in frame.params.items()}
        self.seen.append(replace(frame, params=params))
        return torch.zeros(len(frame.images))


def test_a_size_that_does_not_fit_is_rounded_and_said(caplog: pytest.LogCaptureFixture) -> None:
    step = next(Engine(scene(stages=[Stage(1, (30, 33), 4)])))
    assert step.size == (32, 32) and step.images().shape == (1, 3, 32, 32)
    assert "33x30 becomes 32x32" in caplog.text


def test_the_best_of_several_starts_is_kept_for_each_picture() -> None:
    def start_total(starts: int) -> torch.Tensor:
        made = scene([(0, "a fox"), (1, "a dog"), (2, "a cat")], starts=starts)
        params = best_start(made, (32, 32), made.stages[0])
        return start_loss(made, params, (32, 32), made.stages[0])

    one, many = start_total(1), start_total(6)
    assert (many <= one).all() and (many < one).any()


def test_starts_that_no_loss_can_judge_leave_the_first() -> None:
    losses = {"pull": {"type": "init"}}
    one, many = (best_start(scene(losses=losses, starts=starts), (16, 16), Stage(1, (16, 16), 4)) for starts in (1, 3))
    assert torch.equal(one["grid"], many["grid"])


def test_lr_and_weights_follow_their_schedules() -> None:
    made = scene(lr=schedule({"type": "linear", "start": 0.2, "end": 0.0}), stages=[Stage(5, (16, 16), 4)])
    made.terms["clip"].weight = schedule({"type": "linear", "start": 1.0, "end": 3.0})
    steps = list(Engine(made))
    assert [step.lr for step in steps] == pytest.approx([0.2, 0.15, 0.1, 0.05, 0.0])
    ratios = [float(step.total / step.losses["clip"]) for step in steps]
    assert ratios == pytest.approx([1, 1.5, 2, 2.5, 3])


def test_a_caller_may_change_a_weight_and_go_on() -> None:
    made = scene()
    engine = Engine(made)
    next(engine)
    made.terms["clip"].weight = schedule(5.0)
    step = next(engine)
    torch.testing.assert_close(step.total, 5 * step.losses["clip"])


def test_each_picture_s_gradient_norm_is_bounded_by_itself() -> None:
    made = scene([(0, "a fox"), (1, "a dog")], optimizer={"type": "SGD"}, lr=schedule(1.0), clip_norm=1e-3, average=0.0)
    engine = Engine(made)
    first, second = next(engine).params["grid"], next(engine).params["grid"]
    moved = (second - first).flatten(1).norm(dim=1)
    torch.testing.assert_close(moved, torch.full((2,), 1e-3), rtol=1e-3, atol=1e-6)


@dataclass
class Broken(pixgen.contracts.Loss):
    reads = "images"
    at: int = 2
    value: float = float("nan")

    def __call__(self, frame):
        return frame.images.mean((1, 2, 3)) * (self.value if frame.step == self.at else 1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_picture(value: float) -> None:
    made = scene()
    made.terms["bad"] = Term(Broken(value=value), schedule(0.0))
    engine, seen = Engine(made), []
    with pytest.raises(Diverged, match=r"step 2: loss bad .*lower optimizer.lr") as caught:
        for step in engine:
            seen.append(step.images())
    assert caught.value.step == 2 and len(seen) == 2
    torch.testing.assert_close(caught.value.images, seen[-1])


@pytest.mark.parametrize("at", [0, 1, 3])
def test_params_that_overflow_in_the_last_step_never_reach_the_picture(at: int) -> None:
    @dataclass(frozen=True)
    class Jump(Scheduler):
        def value(self, progress: float) -> float:
            return 3e38 if progress >= at / 3 else 0.1

    made = scene(optimizer={"type": "SGD"}, lr=Jump())
    made.terms["clip"].weight = schedule(1e6)
    engine, seen = Engine(made), []
    with pytest.raises(Diverged, match=f"step {at}: param grid .*lower optimizer.lr") as caught:
        for step in engine:
            seen.append(step.images())
    assert len(seen) == at and caught.value.images.isfinite().all()
    if seen:
        torch.testing.assert_close(caught.value.images, seen[-1])


def test_nan_in_the_gradient_alone_stops_as_well() -> None:
    @dataclass
    class Steep(pixgen.contracts.Loss):
        reads = "images"

        def __call__(self, frame):
            return (frame.images * 0).sum((1, 2, 3)).sqrt()

    made = scene()
    made.terms["steep"] = Term(Steep(), schedule(1.0))
    with pytest.raises(Diverged, match="step 0: the gradient"):
        next(Engine(made))


def test_noise_moves_what_is_seen_but_not_the_params_without_a_step() -> None:
    quiet, noisy = (
        next(Engine(scene(noise=schedule(noise), lr=schedule(0.0), optimizer={"type": "SGD"}))) for noise in (0.0, 0.5)
    )
    assert torch.equal(quiet.params["grid"], noisy.params["grid"])
    assert not torch.equal(quiet.losses["clip"], noisy.losses["clip"])


def test_filters_lie_between_generator_and_losses() -> None:
    class Grey(Filter):
        def __call__(self, images: torch.Tensor, step: int, streams: list[Streams]) -> torch.Tensor:
            return images.mean(1, keepdim=True).expand_as(images)

    images = next(Engine(scene(filters={"grey": Grey()}))).images()
    torch.testing.assert_close(images[:, 0], images[:, 2])


def test_a_filter_may_act_only_while_a_run_optimises() -> None:
    seen: list[int] = []

    class Black(Filter):
        only_while_optimising = True

        def __call__(self, images: torch.Tensor, step: int, streams: list[Streams]) -> torch.Tensor:
            seen.append(step)
            return images * 0

    step = next(Engine(scene(filters={"black": Black()})))
    assert seen and set(seen) == {0}
    before = len(seen)
    assert step.images().max() > 0 and len(seen) == before


def test_perceptors_may_have_their_own_number_of_cutouts() -> None:
    made, seen = scene(perceptors=2, cutouts={"toy1": 3}), []
    original = made.cutter.plan
    made.cutter.plan = lambda size, count, *rest: seen.append(count) or original(size, count, *rest)
    next(Engine(made))
    assert seen == [8, 3]


@pytest.mark.parametrize("name", registry.names("optimizer"))
def test_every_optimiser_runs(name: str) -> None:
    step = list(Engine(scene(optimizer={"type": name}, stages=[Stage(3, (16, 16), 4)])))[-1]
    assert step.params["grid"].isfinite().all()


def test_the_average_is_corrected_for_its_beginning() -> None:
    values = [torch.tensor([float(i)]) for i in range(1, 6)]
    average = Average({"x": torch.zeros(1)}, 0.9)
    torch.testing.assert_close(average.value["x"], torch.zeros(1))
    for value in values:
        average.update({"x": value})
    weights = [0.9 ** (4 - i) for i in range(5)]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    torch.testing.assert_close(average.value["x"], expected)
    with pytest.raises(ValueError, match="below 1"):
        Average({}, 1.0)
