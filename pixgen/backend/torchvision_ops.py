"""Makes `import torchvision` work beside a torch of another build."""

from __future__ import annotations

import importlib
import sys

SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
"""Operators of torchvision's compiled half, for which its Python half registers shapes when it is imported."""


def ensure_torchvision() -> None:
    """Import torchvision; call before importing a package that does (taming, open_clip, kornia's contributions).

    Beside a CPU-only torch the compiled half of torchvision may not load, and the import then fails for operators that
    pixgen never calls. Only after that failure their schemas are declared, for a second declaration raises on a
    healthy install, and the import is tried again. Raises ImportError if torchvision is missing.
    """
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    import torch

    # The failed import leaves half-made modules behind, which a second import would find and not run again.
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", schema)
    importlib.import_module("torchvision")
