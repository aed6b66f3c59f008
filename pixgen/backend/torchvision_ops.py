"""Makes `import torchvision` work beside a torch of another build."""

from __future__ import annotations

import importlib
import re
import sys
import threading
from typing import Any

_lock = threading.Lock()


def ensure_torchvision() -> Any:
    """The package torchvision, imported; call before importing a package that imports it (open_clip, timm).

    Beside a CPU-only torch the compiled half of torchvision may not load, and the import then fails for operators that
    pixgen never calls: its Python half says more about them than torch knows. Only after such a failure each of them is
    declared, for a second declaration raises on a healthy install, and the import is tried again. Raises ImportError
    if torchvision is missing, and what it raises itself where that is about something else.
    """
    with _lock:
        declared: set[str] = set()
        while True:
            try:
                return importlib.import_module("torchvision")
            except RuntimeError as error:
                missing = re.search(r"operator (torchvision::\w+) does not exist", str(error))
                if missing is None or missing[1] in declared:
                    raise
            _forget()
            _declare(missing[1])
            declared.add(missing[1])


def _forget() -> None:
    """Drop the half-made modules of a failed import, which the next one would find and not run again."""
    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]


def _declare(operator: str) -> None:
    """Let torch know of an operator that nothing can call."""
    import torch

    torch.library.define(operator, "() -> ()")
