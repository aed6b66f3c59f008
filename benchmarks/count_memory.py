"""Counts the bytes of the tensors that a picture holds at once, without computing any of them.

A case of `memory.py` is drawn with tensors that have a shape and no content: seconds and no memory of its own, whatever
it would need, so that a figure can be had for sizes that do not fit here, and for GPUs that are not here.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from pixgen.loop.engine import Engine
from pixgen.plugins.cutters.warp import Warp
from pixgen.plugins.generators.vqgan import VQGAN
from pixgen.plugins.perceptors.tiny import Tiny

plain_attention = torch.nn.functional.scaled_dot_product_attention


class Count(TorchDispatchMode):
    """Counts what is alive. peak: bytes of all tensors' storages, at most."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_iter(made):
            if isinstance(tensor, Tensor):
                self._add(tensor.untyped_storage())
        return made

    def _add(self, storage: Any) -> None:
        if storage in self._seen:
            return
        self._seen.add(storage)
        count = storage.nbytes()
        self.live += count
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._gone, count)

    def _gone(self, count: int) -> None:
        self.live -= count


def count(draw: Callable[[], object]) -> int:
    """The peak in bytes of `draw()`, which draws with pixgen's engine on networks that it builds itself."""
    with (
        # How large the pyramid is depends on the numbers that are drawn; files hold numbers; words are looked up.
        mock.patch.object(Warp, "plan", really(Warp.plan)),
        mock.patch.object(VQGAN, "prepare", really(VQGAN.prepare)),
        mock.patch.object(Tiny, "prepare", really(Tiny.prepare)),
        mock.patch.object(Tiny, "encode_text", really(Tiny.encode_text)),
        mock.patch.object(Engine, "_require_finite", lambda *_: None),  # there are no numbers to look at
        mock.patch.object(torch.nn.Module, "to", to),
        mock.patch.object(torch.nn.functional, "scaled_dot_product_attention", attention),
        FakeTensorMode(allow_non_fake_inputs=True),
        Count() as counted,
    ):
        draw()
    return counted.peak


def really(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, computing with numbers for as long as it runs."""

    def called(*arguments: Any) -> Any:
        with unset_fake_temporarily():
            return function(*arguments)

    return called


def to(self: torch.nn.Module, *wanted: Any, memory_format: Any = None, **_: Any) -> torch.nn.Module:
    """`Module.to` for tensors without content, which it cannot put in each other's places."""
    dtype = next((each for each in wanted if isinstance(each, torch.dtype)), None)
    for module in self.modules() if dtype or memory_format else ():
        for name, value in list(module.named_parameters(recurse=False)):
            made = value.detach().to(dtype or value.dtype)
            if memory_format and made.dim() == 4:  # attention's kernel, and with it its memory, depends on it
                made = made.contiguous(memory_format=memory_format)
            module._parameters[name] = torch.nn.Parameter(made, requires_grad=value.requires_grad)
    return self


def attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0, **_: Any
) -> Tensor:
    """The kernel that torch takes where there is a processor to take it for; without one it takes the dearest."""
    if attn_mask is not None:
        return plain_attention(query, key, value, attn_mask, dropout_p)
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    result: Tensor = flash(query, key, value, dropout_p)[0]
    return result
