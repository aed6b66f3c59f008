"""For tests of pixgen and of plugins: checks of every kind of plugin, and small stand-ins with random weights.

A check takes a plugin's name, class or instance, and raises AssertionError with a line that says what is wrong and how
to mend it. The stand-ins need no file and no download; importing this package registers perceptor.toy and
generator.toy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pixgen.testing.cutters import check_cutter
from pixgen.testing.filters import check_filter
from pixgen.testing.generators import check_generator
from pixgen.testing.losses import check_loss
from pixgen.testing.optimizers import check_optimizer
from pixgen.testing.perceptors import check_perceptor
from pixgen.testing.schedulers import check_scheduler
from pixgen.testing.scores import check_score
from pixgen.testing.starts import check_start
from pixgen.testing.toys import ToyGenerator, ToyPerceptor, scene

CHECKS: Mapping[str, Callable[..., None]] = {
    "generator": check_generator,
    "start": check_start,
    "cutter": check_cutter,
    "perceptor": check_perceptor,
    "loss": check_loss,
    "scheduler": check_scheduler,
    "filter": check_filter,
    "score": check_score,
    "optimizer": check_optimizer,
}
"""The check of each kind of plugin."""

__all__ = [
    "CHECKS",
    "ToyGenerator",
    "ToyPerceptor",
    "check_cutter",
    "check_filter",
    "check_generator",
    "check_loss",
    "check_optimizer",
    "check_perceptor",
    "check_scheduler",
    "check_score",
    "check_start",
    "scene",
]
