"""`import torchvision` beside a torch of another build, each case in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

FAKE = """
import torch
@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, threshold):
    return scores
from torchvision import part
"""


def run(code: str, *paths: Path) -> str:
    program = f"import sys; sys.path[:0] = {[*map(str, paths), str(CHECKOUT)]!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def fake(folder: Path, init: str) -> Path:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(init)
    (package / "part.py").write_text("")
    return folder


ENSURE = "from pixgen.backend.torchvision_ops import ensure_torchvision as ensure; ensure(); ensure(); "


@pytest.mark.slow
def test_the_installed_torchvision_imports() -> None:
    pytest.importorskip("torch")
    assert run(ENSURE + "import torchvision.transforms; print(torchvision.__name__)") == "torchvision"


@pytest.mark.slow
def test_a_missing_compiled_half_is_made_up_for(tmp_path: Path) -> None:
    init = "from torchvision import part\n" + FAKE
    assert (
        run(ENSURE + "import torchvision; print(torchvision.part.__name__)", fake(tmp_path, init)) == "torchvision.part"
    )


@pytest.mark.slow
def test_operators_of_other_versions_are_made_up_for_too(tmp_path: Path) -> None:
    init = FAKE.replace("nms", "deform_conv2d") + FAKE.replace("nms", "box_iou_rotated")
    assert (
        run(ENSURE + "import torchvision; print(torchvision.part.__name__)", fake(tmp_path, init)) == "torchvision.part"
    )


@pytest.mark.slow
def test_threads_may_import_it_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from pixgen.backend.torchvision_ops import ensure_torchvision as ensure\n"
        "with ThreadPoolExecutor(8) as pool: found = list(pool.map(lambda _: ensure(), range(8)))\n"
        "print(len(set(map(id, found))), found[0].part.__name__)"
    )
    assert run(code, fake(tmp_path, FAKE)) == "1 torchvision.part"


@pytest.mark.slow
def test_a_healthy_install_is_left_alone(tmp_path: Path) -> None:
    define = "import torch\ntorch.library.define('torchvision::nms', '(Tensor a, Tensor b, float c) -> Tensor')\n"
    code = ENSURE + "import torch; print(hasattr(torch.ops.torchvision, 'qnms'))"
    assert run(code, fake(tmp_path, define + FAKE)) == "False"


def test_other_failures_are_not_hidden(tmp_path: Path) -> None:
    assert run(ENSURE, fake(tmp_path, "raise RuntimeError('no disk')")) == "RuntimeError: no disk"
