"""The check of optimizers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from pixgen import registry
from pixgen.errors import UsageError
from pixgen.settings import optimizers
from pixgen.testing.comparing import alike
from pixgen.testing.options import NUMBERS
from pixgen.testing.round_trip import check_round_trip
from pixgen.testing.subject import Subject, checking, one_line

STEPS = 20
RATE = 0.05


def check_optimizer(
    plugin: type[torch.optim.Optimizer] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Check that an optimizer suits the loop, on the squared distances of three pictures of params to their targets.

    That twenty steps come nearer for every picture; a picture does not depend on the others of its batch, which an
    optimizer that is not element-wise would mix; no gradient is taken for granted, for it may be zero; the learning
    rate can be set at every step; values of options work or are refused; the global random state is left alone; the
    settings come back from a picture's metadata, and `again` gives the same bytes.

    plugin: its class or its name; others arguments as for `check_loss`. Raises AssertionError, whose line says what is
    wrong and how to mend it.
    """
    with checking("optimizer", plugin, options) as subject:
        cls = registry.get("optimizer", subject.name)
        derived = issubclass(cls, torch.optim.Optimizer)
        subject.require(derived, f"it is a {cls.__name__}", "derive it from torch.optim.Optimizer")
        first, targets = _problem()
        together = _minimised(subject, first, targets)
        for b in range(len(first)):
            before, after = ((x[b] - targets[b]).square().sum() for x in (first, together))
            what = f"after {STEPS} steps picture {b} is as far from its target as before"
            subject.require(after < before, what, "step against the gradient: param.add_(grad, alpha=-lr)")
            alone = _minimised(subject, first[b : b + 1], targets[b : b + 1])
            what = f"in a batch picture {b} comes to another place than alone"
            mend = "update every number by itself: no norm, mean or matrix over the first dimension"
            subject.require(alike(together[b : b + 1], alone), what, mend)
        resting = _minimised(subject, targets, targets)
        finite = bool(resting.isfinite().all())
        subject.require(finite, "of a gradient that is zero it makes what is not finite", "divide by no zero: add eps")
        _check_options(subject, cls, wrong)
        check_round_trip(subject, {"optimizer": {"type": subject.name, **subject.options}})


def _problem() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    first, targets = (torch.randn(3, 4, 5, generator=random, dtype=torch.float64) for _ in range(2))
    return first, targets


def _minimised(subject: Subject, first: Tensor, targets: Tensor, **options: Any) -> Tensor:
    """Where STEPS steps lead from `first` towards the targets, as the loop makes them; each picture at its own pace."""
    scales = torch.tensor([1.0, 10.0, 0.1], dtype=torch.float64)
    pace = torch.stack([scales[b % 3] for b in _which(targets)]).view(-1, 1, 1)
    param = first.clone().requires_grad_()
    with subject.calling("making it"):
        made = optimizers.create({"type": subject.name, **subject.options, **options}, [param], lr=RATE)
    for step in range(STEPS):
        param.grad = 2 * pace * (param.detach() - targets)
        with subject.calling("step"):
            for group in made.param_groups:
                group["lr"] = RATE * (1 - step / (2 * STEPS))
            optimizers.step(made)
    return param.detach()


def _which(targets: Tensor) -> list[int]:
    """The indices of these pictures among those of `_problem`."""
    _, known = _problem()
    return [next(b for b in range(len(known)) if torch.equal(known[b], target)) for target in targets]


def _check_options(subject: Subject, cls: type, wrong: Iterable[Mapping[str, Any]]) -> None:
    for options in wrong:
        try:
            optimizers.create({"type": subject.name, **options}, [torch.zeros(1, requires_grad=True)], lr=RATE)
        except UsageError as error:
            subject.require(one_line(error), f"the refusal of {dict(options)} has several lines", "write one line")
        else:
            subject.fail(f"the options {dict(options)} are taken", "refuse them in __init__ with a ValueError")
    if cls.__module__.startswith("torch."):
        return
    first, targets = _problem()
    for option in registry.options("optimizer", subject.name):
        if option.name == "lr":
            continue
        for value in NUMBERS.get(type(option.default), ()):
            mend = f"refuse it in __init__ with a ValueError that names {option.name} and its range"
            try:
                found = _minimised(subject, first, targets, **{option.name: value})
            except AssertionError as error:
                if isinstance(error.__cause__, UsageError):
                    named = option.name in str(error.__cause__)
                    subject.require(named, f"the refusal of {option.name}={value} does not name it", mend)
                    continue
                said = str(error).removeprefix(f"{subject}: ")
                subject.fail(f"the option {option.name}={value} is taken and does not work ({said})", mend)
            finite = bool(found.isfinite().all())
            subject.require(finite, f"with the option {option.name}={value} params are not finite", mend)
