"""What every change goes through: `.ci/run` with stand-ins for pip and the programs, and the workflow that calls it."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent

README = """
```sh
pip install -c constraints.txt . && pixgen "a drawing"
```

    pip install nothing

```python
pip = "no command"
```

```sh
pip install -c constraints.txt ".[test]" && pytest
pixgen "not a command that sets up"
```
"""

PYTHON = r"""#!/bin/sh
# Stands in for `python -m venv FOLDER`: the programs of that folder note how they were called.
mkdir -p "$3/bin"
for name in pip pytest ruff mypy pixgen chromium; do
    {
        echo '#!/bin/sh'
        echo 'echo "'$name'" "$@" >>"$LOG"'
        echo 'if [ "$FAILS" = '$name' ]; then exit 1; fi'
        if [ $name = pixgen ]; then echo 'mkdir -p outputs; head -c 4096 /dev/zero >outputs/drawn.png'; fi
    } >"$3/bin/$name"
    chmod +x "$3/bin/$name"
done
"""

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not (shutil.which("bash") and shutil.which("git")), reason="needs bash and git, and runs scripts"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small repository with a README of its own and the real .ci/."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / ".ci", tree / ".ci")
    (tree / "README.md").write_text(README)
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    return tree


def run(checkout: Path, fails: str = "") -> tuple[int, list[str]]:
    """The exit code of .ci/run, and the programs that it called."""
    log = checkout.parent / "log"
    environment = {**os.environ, "PYTHON": str(checkout.parent / "python"), "LOG": str(log), "FAILS": fails}
    environment.pop("PIXGEN_CI_TORCH", None)
    done = subprocess.run([checkout / ".ci" / "run"], env=environment, capture_output=True, text=True)
    return done.returncode, log.read_text().splitlines()


def test_ci_runs_what_the_readme_says_and_then_the_linters(checkout: Path) -> None:
    assert run(checkout) == (
        0,
        [
            "pip install -c constraints.txt .[test]",
            "pytest",
            "ruff check .",
            "ruff format --check .",
            "mypy",
            "pip install -c constraints.txt .",
            "pixgen a drawing",
            "pip install -c constraints.txt .[test,browser,diffusers,docs,lesson,ui]",
            "pytest -m extras",
        ],
    )


@pytest.mark.parametrize("program", ["pip", "pytest", "ruff", "mypy", "pixgen"])
def test_ci_fails_where_a_program_does_and_stops_there(checkout: Path, program: str) -> None:
    code, called = run(checkout, fails=program)
    assert code != 0 and called[-1].split()[0] == program
    assert [line.split()[0] for line in called].count(program) == 1


def test_the_readme_s_two_commands_are_those_that_ci_finds() -> None:
    done = subprocess.run([ROOT / ".ci" / "commands"], capture_output=True, text=True, check=True)
    draws, tests = done.stdout.splitlines()
    assert "&& pixgen " in draws and tests.endswith("&& pytest")


def test_the_workflow_runs_ci_on_every_python_that_the_package_names() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    named = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert setup["options"]["python_requires"] == f">={named[0]}"
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    linux, others = jobs["linux"], jobs["others"]
    assert linux["strategy"]["matrix"]["python"] == named
    assert ".ci/run" in [step.get("run") for step in linux["steps"]]
    assert {"windows-latest", "macos-latest"} <= set(others["strategy"]["matrix"]["os"])
    assert 'pytest -m "not slow"' in [step.get("run") for step in others["steps"]]


def test_versions_of_ci_are_the_pinned_ones() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    (ruff,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert ruff["rev"] == f"v{pins['ruff']}"
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert jobs["linux"]["env"]["PIXGEN_CI_TORCH"] == f"torch=={pins['torch']}+cpu"


@pytest.mark.extras
@pytest.mark.skipif("PIXGEN_ALL_EXTRAS" not in os.environ, reason="for the stage of .ci/run that installs all extras")
@pytest.mark.parametrize("module", ["diffusers", "gradio", "mkdocs", "nbclient", "notebook", "playwright"])
def test_the_last_stage_of_ci_has_what_its_tests_need(module: str) -> None:
    assert importlib.util.find_spec(module) is not None
