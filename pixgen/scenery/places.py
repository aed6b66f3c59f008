"""Procedural places: what stands behind the subjects. float32 (n, 3, side, side) in [0, 1], any size."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from pixgen.scenery.styles import Place, cloud, uniform


def _axes(side: int) -> tuple[Tensor, Tensor]:
    """x and y in [0, 1], (1, 1, 1, S) and (1, 1, S, 1); y grows downwards."""
    t = (torch.arange(side) + 0.5) / side
    return t.view(1, 1, 1, -1), t.view(1, 1, -1, 1)


def _rgb(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


def _blend(top: Tensor, bottom: Tensor, amount: Tensor) -> Tensor:
    return top * (1 - amount) + bottom * amount


def _below(line: Tensor, y: Tensor, sharpness: float = 60.0) -> Tensor:
    """1 where y lies below `line`, softly."""
    return torch.sigmoid((y - line) * sharpness)


def sky(n: int, side: int, rng: Generator) -> Tensor:
    _, y = _axes(side)
    clouds = torch.sigmoid((cloud(n, side, 4, rng) + 0.5 * cloud(n, side, 9, rng) - uniform(rng, n, 0.3, 1.0)) * 5)
    return _blend(_blend(_rgb(0.30, 0.58, 0.92), _rgb(0.70, 0.87, 0.98), y), _rgb(1, 1, 1), clouds * 0.9)


def sea(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    horizon = uniform(rng, n, 0.3, 0.6)
    waves = torch.sin(2 * math.pi * (14 * y + 0.7 * cloud(n, side, 6, rng)) + 3 * x)
    water = _rgb(0.05, 0.35, 0.62) + 0.07 * waves * _rgb(0.6, 1, 1)
    return _blend(_rgb(0.72, 0.88, 0.98).expand(n, 3, side, side), water, _below(horizon, y)).clamp(0, 1)


def hills(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    phase, height = uniform(rng, n, 0, 6.3), uniform(rng, n, 0.45, 0.65)
    far = height - 0.08 * torch.sin(2 * math.pi * x * uniform(rng, n, 0.6, 1.4) + phase)
    near = height + 0.16 + 0.06 * torch.sin(2 * math.pi * x * uniform(rng, n, 0.5, 1.2) - phase)
    picture = _blend(_rgb(0.62, 0.83, 0.98), _rgb(0.45, 0.72, 0.35), _below(far, y))
    return _blend(picture, _rgb(0.32, 0.60, 0.24), _below(near, y))


def mountains(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    picture = _blend(_rgb(0.60, 0.78, 0.95), _rgb(0.90, 0.94, 0.98), y).expand(n, 3, side, side)
    for depth in (0.0, 0.15):
        peak, slope = uniform(rng, n, 0.2, 0.8), uniform(rng, n, 0.8, 1.5)
        line = 0.25 + depth + slope * (x - peak).abs() + 0.03 * cloud(n, side, 12, rng)[:, :, :1]
        rock = _blend(_rgb(0.96, 0.97, 1.0), _rgb(0.42, 0.46, 0.56) * (1 - depth), _below(line + 0.14, y, 30))
        picture = _blend(picture, rock, _below(line, y))
    return picture


def room(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    wall = torch.rand(n, 3, 1, 1, generator=rng) * 0.35 + 0.6
    floor = _rgb(0.55, 0.38, 0.24) * uniform(rng, n, 0.7, 1.3) * (1 + 0.08 * torch.sin(40 * x))
    picture = _blend(wall.expand(n, 3, side, side), floor, _below(uniform(rng, n, 0.65, 0.8), y, 90))
    left, top = uniform(rng, n, 0.05, 0.7), uniform(rng, n, 0.08, 0.2)
    inside = ((x - left - 0.12).abs() < 0.12) & ((y - top - 0.14).abs() < 0.14)
    pane = ((x - left - 0.12).abs() < 0.10) & ((y - top - 0.14).abs() < 0.12)
    picture = torch.where(inside, _rgb(0.95, 0.95, 0.92), picture)
    return torch.where(pane, _rgb(0.65, 0.85, 0.97), picture)


def night(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    stars = torch.rand(n, 1, 32, 32, generator=rng).gt(0.965).float()
    stars = torch.nn.functional.interpolate(stars, size=(side, side), mode="bilinear")
    dark = _blend(_rgb(0.02, 0.03, 0.14), _rgb(0.10, 0.12, 0.34), y)
    mx, my = uniform(rng, n, 0.1, 0.9), uniform(rng, n, 0.1, 0.3)
    moon = torch.sigmoid((0.07 - ((x - mx) ** 2 + (y - my) ** 2).sqrt()) * 90)
    return _blend((dark + stars * 0.9).clamp(0, 1), _rgb(0.98, 0.96, 0.82), moon)


def forest(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    picture = _blend(_rgb(0.50, 0.72, 0.42), _rgb(0.20, 0.38, 0.16), y).expand(n, 3, side, side)
    for _ in range(5):
        centre, half = uniform(rng, n, 0, 1), uniform(rng, n, 0.015, 0.04)
        trunk = torch.sigmoid((half - (x - centre).abs()) * 120) * (y < 0.85)
        picture = _blend(picture, _rgb(0.33, 0.22, 0.13), trunk)
    leaves = torch.sigmoid((cloud(n, side, 10, rng) + 2.2 - 6 * y) * 4)
    return _blend(picture, _rgb(0.12, 0.42, 0.15), leaves)


def snow(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    ground = uniform(rng, n, 0.6, 0.75) + 0.03 * torch.sin(5 * x + uniform(rng, n, 0, 6))
    picture = _blend(_rgb(0.66, 0.76, 0.88), _rgb(0.97, 0.98, 1.0), _below(ground, y, 40))
    flakes = torch.rand(n, 1, 24, 24, generator=rng).gt(0.93).float()
    flakes = torch.nn.functional.interpolate(flakes, size=(side, side), mode="bilinear")
    return _blend(picture, _rgb(1, 1, 1), flakes * 0.9)


def desert(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    dune = uniform(rng, n, 0.5, 0.65) + 0.07 * torch.sin(2 * math.pi * x + uniform(rng, n, 0, 6.3))
    sand = _rgb(0.90, 0.74, 0.45) + 0.04 * torch.sin(40 * (y + 0.15 * x))
    return _blend(_rgb(0.55, 0.80, 0.96), sand, _below(dune, y)).clamp(0, 1)


def beach(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    shore = uniform(rng, n, 0.62, 0.75) + 0.03 * torch.sin(6 * x + uniform(rng, n, 0, 6.3))
    return _blend(sea(n, side, rng), _rgb(0.95, 0.86, 0.62), _below(shore, y))


def city(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    picture = _rgb(0.74, 0.83, 0.92).expand(n, 3, side, side)
    columns = (x * 7).long().clamp(max=6).view(-1)
    roofs = (torch.rand(n, 1, 1, 7, generator=rng) * 0.45 + 0.2)[..., columns]
    shade = (torch.rand(n, 1, 1, 7, generator=rng) * 0.3 + 0.35)[..., columns]
    lights = torch.rand(n, 1, 28, 28, generator=rng).gt(0.6).float()
    lights = torch.nn.functional.interpolate(lights, size=(side, side), mode="nearest")
    tower = _blend(shade * _rgb(0.9, 0.95, 1.05), _rgb(1.0, 0.9, 0.55), lights * 0.7)
    return _blend(_blend(picture, tower, _below(roofs, y, 120)), _rgb(0.3, 0.3, 0.33), _below(torch.tensor(0.9), y, 90))


def sunset(n: int, side: int, rng: Generator) -> Tensor:
    x, y = _axes(side)
    glow = _blend(
        _blend(_rgb(0.36, 0.20, 0.50), _rgb(0.98, 0.50, 0.28), (y * 1.6).clamp(0, 1)), _rgb(1, 0.82, 0.4), y**4
    )
    sx, sy = uniform(rng, n, 0.2, 0.8), uniform(rng, n, 0.5, 0.7)
    sun = torch.sigmoid((0.11 - ((x - sx) ** 2 + (y - sy) ** 2).sqrt()) * 80)
    picture = _blend(glow, _rgb(1, 0.93, 0.6), sun)
    return _blend(picture, _rgb(0.16, 0.10, 0.20), _below(uniform(rng, n, 0.75, 0.85), y))


def space(n: int, side: int, rng: Generator) -> Tensor:
    stars = torch.rand(n, 1, 40, 40, generator=rng).gt(0.94).float()
    stars = torch.nn.functional.interpolate(stars, size=(side, side), mode="bilinear")
    haze = torch.sigmoid(cloud(n, side, 4, rng) * 2 - 2) * torch.rand(n, 3, 1, 1, generator=rng)
    return (_rgb(0.02, 0.02, 0.06) + 0.6 * haze + stars).clamp(0, 1)


def blackboard(n: int, side: int, rng: Generator) -> Tensor:
    """Dark green slate in a wooden frame with chalk writing: strokes, sums and curves."""
    x, y = _axes(side)
    slate = _blend(_rgb(0.10, 0.28, 0.21), _rgb(0.13, 0.15, 0.16), (uniform(rng, n, 0, 1) > 0.6).float())
    picture = (slate + 0.02 * cloud(n, side, 6, rng)).expand(n, 3, side, side)
    dashes = torch.rand(n, 1, 9, 26, generator=rng).gt(0.42).float()
    dashes = torch.nn.functional.interpolate(dashes, size=(side, side), mode="nearest")
    rows = (torch.sin(2 * math.pi * 9 * y + 2 * cloud(n, side, 40, rng)) > 0.35).float()
    curve = 0.45 + 0.2 * torch.sin(2 * math.pi * x * uniform(rng, n, 0.7, 2.0) + uniform(rng, n, 0, 6))
    plot = torch.sigmoid((0.015 - (y - curve).abs()) * 150) * (uniform(rng, n, 0, 1) > 0.5)
    writing = torch.maximum(dashes * rows * (x > 0.1) * (x < 0.9) * (y > 0.1) * (y < 0.8), plot)
    picture = _blend(picture, _rgb(0.92, 0.94, 0.90), writing * 0.8)
    border = torch.minimum(torch.minimum(x, 1 - x), torch.minimum(y, 1 - y)) < 0.05
    return torch.where(border, _rgb(0.55, 0.36, 0.18), picture).clamp(0, 1)


PLACES: dict[str, Place] = {
    "sky": sky,
    "sea": sea,
    "hills": hills,
    "mountains": mountains,
    "room": room,
    "night": night,
    "forest": forest,
    "snow": snow,
    "desert": desert,
    "beach": beach,
    "city": city,
    "sunset": sunset,
    "space": space,
    "blackboard": blackboard,
}
