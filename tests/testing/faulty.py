"""Plugins with one fault each, made of a base class and the members that spoil it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pixgen import registry
from pixgen.registry import register


def faulty(kind: str, base: type, *, frozen: bool = False, **members: Any) -> type:
    """A subclass of `base` with these members, registered as `faulty`. Tests forget it (`conftest.as_before`)."""
    registry._plugins[kind].pop("faulty", None)
    cls = type("Faulty", (base,), {"__doc__": "One fault.", "__module__": __name__, **members})
    return register(kind, "faulty")(dataclass(cls, frozen=frozen))
