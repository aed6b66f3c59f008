"""A running average of params."""

from __future__ import annotations

import torch

from pixgen.contracts import Params


class Average:
    """Exponential moving average without the pull to zero at its beginning (Adam's correction, arXiv 1412.6980, 3).

    Before the first update its value is the params it was made from; with decay 0 it is always the latest.
    """

    def __init__(self, params: Params, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"average is {decay}; it must be at least 0 and below 1")
        self.decay = decay
        self._first = {name: value.detach().clone() for name, value in params.items()}
        self._sum = {name: torch.zeros_like(value) for name, value in self._first.items()}
        self._weight = 0.0

    @torch.no_grad()
    def update(self, params: Params) -> None:
        """Take one more step's params in."""
        self._weight = self.decay * self._weight + (1 - self.decay)
        for name, value in params.items():
            self._sum[name].lerp_(value.detach(), 1 - self.decay)

    @property
    def value(self) -> Params:
        """The average so far, new tensors without gradient."""
        if self._weight == 0:
            return {name: value.clone() for name, value in self._first.items()}
        return {name: value / self._weight for name, value in self._sum.items()}
