"""pixgen runs on Windows and macOS as well: what only some systems have stands under a guard; names of files fit."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "pixgen").rglob("*.py"))

MODULES = {"crypt", "fcntl", "grp", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty"}
MODULES |= {"_winapi", "msvcrt", "winreg", "winsound"}
"""Modules that only POSIX has, or only Windows."""

NAMES = {
    "os": """chown chroot confstr ctermid fchdir fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg
        getpgid getpgrp getpriority getresuid getsid getuid initgroups killpg lchown lockf major makedev minor mkfifo
        mknod nice openpty O_CLOEXEC O_DIRECTORY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC pathconf pidfd_open pipe2
        posix_fadvise posix_fallocate posix_spawn pread preadv pwrite register_at_fork sched_getaffinity
        sched_setaffinity sched_yield sendfile setegid seteuid setgid setgroups setpgid setpriority setsid setuid
        startfile statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 waitid WEXITSTATUS WIFEXITED
        WIFSIGNALED WNOHANG WTERMSIG writev""",
    "signal": """alarm getitimer ITIMER_REAL pause pthread_kill pthread_sigmask setitimer SIGALRM SIGCHLD SIGCONT SIGHUP
        SIGIO SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIG_BLOCK SIG_SETMASK
        SIG_UNBLOCK sigpending sigwait CTRL_BREAK_EVENT CTRL_C_EVENT""",
    "time": "clock_settime pthread_getcpuclockid tzset CLOCK_BOOTTIME CLOCK_REALTIME",
    "socket": "AF_UNIX CMSG_LEN recv_fds send_fds socketpair SO_REUSEPORT",
    "select": "epoll kqueue poll",
}
NARROW = {(module, name) for module, names in NAMES.items() for name in names.split()}
"""What the documentation gives the availability of as Unix, or as Windows alone."""

GUARDS = re.compile(r"\bhasattr\b|sys\.platform|os\.name\b|platform\.system|\bgetattr\b")
PLACES = re.compile(r"^/(tmp|var|etc|usr|home|bin|opt)\b")
RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
WRONG = re.compile(r'[<>:"\\|?*\x00-\x1f]|[ .]$')


def narrow(source: str) -> Iterator[str]:
    """What of a module only some systems have, where no guard stands around or before it."""
    tree = ast.parse(source)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        found = _named(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found = [node.value] if PLACES.match(node.value) else []
        if found and not _guarded(node, parents):
            yield f"{', '.join(found)} in line {getattr(node, 'lineno', 0)}"


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES]
    if isinstance(node, ast.ImportFrom):
        here = str(node.module)
        whole = [here] if here.partition(".")[0] in MODULES and not node.level else []
        return whole + [f"{here}.{alias.name}" for alias in node.names if (here, alias.name) in NARROW]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return [f"{node.value.id}.{node.attr}"] if (node.value.id, node.attr) in NARROW else []
    if isinstance(node, ast.keyword) and node.arg == "preexec_fn":
        return ["preexec_fn"]
    return []


def _guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while node in parents:
        child, node = node, parents[node]
        if isinstance(node, ast.If | ast.IfExp | ast.While) and GUARDS.search(ast.unparse(node.test)):
            return True
        if isinstance(node, ast.BoolOp) and any(GUARDS.search(ast.unparse(value)) for value in node.values):
            return True
        if isinstance(node, ast.Try) and child in node.body:
            caught = " ".join(ast.unparse(one.type) for one in node.handlers if one.type)
            if re.search("AttributeError|ImportError|ModuleNotFoundError", caught):
                return True
        if isinstance(node, ast.With) and any("AttributeError" in ast.unparse(item) for item in node.items):
            return True
        if isinstance(node, ast.FunctionDef):  # a function that leaves early where the system is another one
            before = node.body[: node.body.index(child)] if child in node.body else []
            if any(isinstance(one, ast.If) and GUARDS.search(ast.unparse(one.test)) for one in before):
                return True
    return False


def test_what_only_some_systems_have_stands_under_a_guard() -> None:
    assert len(SOURCES) > 200
    found = {str(path.relative_to(ROOT)): list(narrow(path.read_text(encoding="utf-8"))) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrlimit",
        "import os\nos.fork()",
        "from os import O_NONBLOCK",
        "import os\nif os.getuid() == 0:\n    pass",
        "import signal\nsignal.signal(signal.SIGALRM, print)",
        "import os\ntry:\n    os.killpg(1, 9)\nexcept OSError:\n    pass",
        "import os\nif hasattr(os, 'nice'):\n    pass\nos.nice(1)",
        "open('/tmp/x')",
        "def f():\n    import pwd",
        "import subprocess\nsubprocess.run([], preexec_fn=print)",
    ],
)
def test_a_call_without_a_guard_is_found(source: str) -> None:
    assert list(narrow(source))


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "import os, sys\nif sys.platform != 'win32':\n    os.fork()",
        "import os\nx = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1",
        "def f():\n    if sys.platform == 'win32':\n        return\n    import resource",
        "import signal\nsignal.signal(signal.SIGINT, print)\nsignal.signal(signal.SIGTERM, print)",
        "'''Not in /tmp, where anybody may write.'''",
    ],
)
def test_a_call_under_a_guard_passes(source: str) -> None:
    assert list(narrow(source)) == []


def test_every_file_of_the_repository_can_be_checked_out_on_windows_and_macos() -> None:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = [PurePosixPath(name) for name in listed.split("\0") if name]
    assert len(names) > 300
    assert [str(name) for name in names if any(RESERVED.match(part) or WRONG.search(part) for part in name.parts)] == []
    assert max(len(str(name)) for name in names) < 150  # Windows has 260 for the whole path
    folded = [str(name).casefold() for name in names]
    assert len(set(folded)) == len(folded)  # neither system tells upper from lower case
