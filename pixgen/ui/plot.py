"""The losses of a run as one SVG: a curve for each, on its own scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, GAP = 640, 64, 12
"""Of one curve in the units of the SVG, and between two."""

POINTS = 300
"""Of a curve; longer runs are thinned out."""


def svg(losses: Mapping[str, Sequence[float]], steps: int, title: str) -> str:
    """The curves of unweighted losses, term id -> value at every step, over `steps` steps; empty without any.

    Each curve fills its own height, from its lowest to its highest value, which stand beside it.
    """
    shown = {id: values for id, values in losses.items() if values}
    if not shown:
        return ""
    height = len(shown) * (HEIGHT + GAP)
    rows = [_row(id, values, steps, i * (HEIGHT + GAP)) for i, (id, values) in enumerate(shown.items())]
    return (
        f'<svg class="px-plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(rows)}</svg>"
    )


def _row(id: str, values: Sequence[float], steps: int, top: int) -> str:
    low, high = min(values), max(values)
    left, right = 4, WIDTH - 64
    above = top + 18  # the name stands over the curve

    def y(value: float) -> float:
        return above + (HEIGHT - 18) * (1 - (value - low) / (high - low)) if high > low else above + (HEIGHT - 18) / 2

    every = max(1, -(-len(values) // POINTS))
    chosen = [*range(0, len(values) - 1, every), len(values) - 1]
    across = max(steps - 1, 1)
    points = " ".join(f"{left + (right - left) * i / across:.1f},{y(values[i]):.1f}" for i in chosen)
    x = left + (right - left) * (len(values) - 1) / across
    return (
        f'<text class="px-name" x="{left}" y="{top + 12}">{escape(id)}</text>'
        f'<line class="px-base" x1="{left}" x2="{right}" y1="{top + HEIGHT}" y2="{top + HEIGHT}"/>'
        f'<polyline points="{points}"/><circle cx="{x:.1f}" cy="{y(values[-1]):.1f}" r="3"/>'
        f'<text class="px-value" x="{WIDTH}" y="{above + 4}">{high:.3g}</text>'
        f'<text class="px-value px-now" x="{WIDTH}" y="{above + (HEIGHT - 18) / 2 + 4:.0f}">{values[-1]:.3g}</text>'
        f'<text class="px-value" x="{WIDTH}" y="{top + HEIGHT}">{low:.3g}</text>'
    )
