"""The optimiser of a config: torch's by name, or a registered one; checked, made and stepped.

torch's own wrap their methods for its compiler, and import it for that: two seconds, before the first step of a loop
that compiles nothing. `create` and `step` go past these wrappers.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from pixgen import registry
from pixgen.errors import UsageError
from pixgen.io import schema

REFUSED = {
    "LBFGS": "it needs the same loss twice a step, and the cutouts change at every look; use Adam",
    "SparseAdam": "it takes sparse gradients only; use Adam",
    "Adafactor": "its row and column means would mix the pictures of a batch; use Adam",
    "Muon": "it takes matrices only, and would mix the pictures of a batch; use Adam",
}

# The loop's own business, or of no effect on the picture.
_HIDDEN = ("params", "lr", "maximize", "capturable", "differentiable")


def check(options: Mapping[str, Any], where: str = "optimizer") -> type[torch.optim.Optimizer]:
    """The optimiser class of `{"type": "Adam", **keyword arguments}`, every argument known to it.

    Raises OptionError for an optimiser that pixgen cannot use, with the reason, and for an argument that is unknown or
    of a wrong type.
    """
    name = options.get("type")
    if name in REFUSED:
        raise schema.OptionError(f"{where}.type", f"{where}: {name} does not suit this loop: {REFUSED[name]}")
    try:
        cls = registry.get("optimizer", str(name))
    except UsageError as error:
        raise schema.OptionError(f"{where}.type", str(error)) from None
    known = {key: value for key, value in inspect.signature(cls).parameters.items() if key not in _HIDDEN}
    for key, value in options.items():
        if key == "type":
            continue
        if key not in known:
            raise schema.unknown(schema.join(where, key), [*known, *registry.LOOP_OPTIONS["optimizer"]])
        schema.coerce(value, _hint(known[key].default), schema.join(where, key))
    return cls


def _hint(default: Any) -> Any:
    """What a keyword argument takes, seen from its default, for torch checks some of them at the first step only."""
    match default:
        case bool():
            return bool
        case int() | float():
            return float
        case str():
            return str
        case tuple():
            return tuple[tuple(float for _ in default)]  # type: ignore[misc]  # mypy cannot count them
        case None:
            return bool | float | None
    return Any


def create(
    options: Mapping[str, Any], params: Iterable[torch.Tensor], lr: float, where: str = "optimizer"
) -> torch.optim.Optimizer:
    """An optimiser of `params` from `{"type": "Adam", "betas": [0.9, 0.99]}`.

    Raises OptionError as `check` does, and for a value that the optimiser refuses.
    """
    cls = check(options, where)
    arguments: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in options.items() if key != "type"
    }
    try:
        make: Any = cls  # each has arguments of its own
        with _no_compiler():
            optimizer: torch.optim.Optimizer = make(params, lr=lr, **arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise schema.OptionError(where, f"{where}: {options['type']} refuses these options: {error}") from error
    return optimizer


def step(optimizer: torch.optim.Optimizer) -> None:
    """What `optimizer.step()` does; the hooks that are registered on torch's optimisers are left out."""
    cls = type(optimizer)
    if cls.__module__.startswith("torch.optim.") and "torch._dynamo" not in sys.modules:
        with torch.no_grad():
            inspect.unwrap(cls.step)(optimizer)
    else:
        optimizer.step()


@contextlib.contextmanager
def _no_compiler() -> Iterator[None]:
    """Parameters are added to torch's optimisers without its compiler, where that is not there yet."""
    adding = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    if "torch._dynamo" in sys.modules or hasattr(adding, "__dynamo_disable"):
        yield
        return
    # Where torch._compile keeps the method as the compiler would leave it: untouched.
    setattr(adding, "__dynamo_disable", adding)
    try:
        yield
    finally:
        delattr(adding, "__dynamo_disable")
