"""The forward half of a step: params become pictures, and pictures what the perceptors see of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pixgen.backend.tensors import Size, at_least_float32, autocast
from pixgen.contracts import Cutter, Params, Perceptor, View
from pixgen.loop import returned
from pixgen.loop.scene import Scene


@dataclass(frozen=True)
class ViewPlan:
    """The cutouts that one perceptor will see of the pictures, planned by the cutter and not yet cut.

    name: the perceptor's id. weight: its share among all perceptors.
    plan: the cutter's. chunk: cutouts of each picture that are cut at a time.
    """

    name: str
    perceptor: Perceptor
    weight: float
    plan: Any
    chunk: int
    precision: torch.dtype | None

    def chunks(self) -> list[slice]:
        """The plan's cutouts in pieces of `chunk` for each picture."""
        count = len(self.plan.matrices[0])
        return [slice(a, min(a + self.chunk, count)) for a in range(0, count, self.chunk)]

    def view(self, images: Tensor, part: slice, cutter: Cutter) -> View:
        """Cut and encode a part of the planned cutouts."""
        plan = self.plan[part]
        cutouts = cutter.cut(images, plan)
        with autocast(images.device, self.precision):
            encoded = self.perceptor.encode_image(cutouts.flatten(0, 1))
        where, count = f"perceptors.{self.name}", cutouts.shape[0] * cutouts.shape[1]
        encoded = returned.checked(encoded, where, "an embedding for each cutout", (count, None), images.device)
        embeddings = at_least_float32(encoded).unflatten(0, cutouts.shape[:2])
        return View(self.name, cutouts, plan.matrices, embeddings)


def add_noise(scene: Scene, params: Params, progress: float, step: int) -> Params:
    """The params with Gaussian noise, each picture's from its own stream."""
    sigma = scene.noise.value(progress)
    if sigma <= 0:
        return params
    noisy = {}
    for name, value in params.items():
        drawn = [
            torch.randn(value.shape[1:], generator=streams.generator(f"noise/{name}", step))
            for streams in scene.session.streams
        ]
        noisy[name] = value + sigma * torch.stack(drawn).to(value)
    return noisy


def decode(scene: Scene, params: Params, step: int, *, shown: bool = False) -> tuple[Tensor, Tensor | None]:
    """Pictures after the filters, float32 (B, 3, H, W), and alpha, (B, 1, H, W), of a generator that has it.

    shown: as they are saved, without the filters that act only while a run optimises.
    """
    device, count = scene.session.device, len(next(iter(params.values())))
    with autocast(device, scene.precision):
        decoded = scene.session.generator.decode(params)
    decoded = returned.checked(decoded, "generator", "the pictures of its params", (count, None, None, None), device)
    decoded = at_least_float32(decoded)
    images = decoded[:, :3]
    for name, apply in scene.filters.items():
        if shown and apply.only_while_optimising:
            continue
        made = apply(images, step, list(scene.session.streams))
        images = returned.checked(made, f"filters.{name}", "the pictures it was given", images.shape, images.device)
    return images, decoded[:, 3:] if decoded.shape[1] == 4 else None


def plan_views(scene: Scene, size: Size, cutouts: Mapping[str, int], step: int, stream: str = "") -> list[ViewPlan]:
    """The cutouts of every perceptor in one step, `cutouts` of each by its id.

    stream: a name for other random numbers than those that the loop's own steps draw.
    """
    session = scene.session
    plans = []
    for name, perceptor in session.perceptors.items():
        address = f"{stream}/{name}" if stream else name
        plan = scene.cutter.plan(size, cutouts[name], perceptor.input_size, step, session.streams, address)
        weight = session.perceptor_weights[name]
        plans.append(ViewPlan(name, perceptor, weight, plan, scene.chunk, scene.precision))
    return plans
