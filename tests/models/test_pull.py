"""Downloads from a server that cuts, stalls, lies, redirects and serves something else; what is left in the cache."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from pixgen.errors import PixgenError, UsageError
from pixgen.models import cache, download, partial, pull
from pixgen.models.download import Patience
from pixgen.models.entry import Entry, File
from tests.models.server import Server, running

QUICK = Patience(timeout=0.5, tries=3, wait=0.01)

CONTENT = save({"weight": torch.arange(200_000, dtype=torch.float32)})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIXGEN_HOME", str(tmp_path / "home"))
    for name in ("PIXGEN_OFFLINE", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as told:
        yield told


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(*sources: str, known: bool = True, **about: object) -> Entry:
    file = File(
        "weights.safetensors",
        list(sources),
        bytes=len(CONTENT) if known else None,
        sha256=sha256(CONTENT) if known else None,
    )
    return Entry("mine", "vqgan", "", {}, [dataclasses.replace(file, **about)])  # type: ignore[arg-type]


def fetched(made: Entry) -> Path:
    (path,) = pull.pull(made, patience=QUICK)
    assert path.read_bytes() == CONTENT and not cache.unfinished(made)
    return path


def refused(made: Entry, said: str, error: type[PixgenError] = PixgenError) -> None:
    with pytest.raises(error, match=said):
        pull.pull(made, patience=QUICK)
    assert not cache.place(made, made.files[0]).exists()
    assert cache.state(made) != "here"


@pytest.mark.parametrize("known", [True, False])
def test_a_file_is_fetched_once_and_left_alone_afterwards(known: bool, home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT), known=known)
    assert fetched(made) == home / "cache" / "models" / "mine" / "weights.safetensors"
    fetched(made)
    assert len(server.asked) == 1


@pytest.mark.parametrize("no_length", [False, True])
def test_cut_connections_are_gone_on_with(no_length: bool, home: Path, server: Server) -> None:
    fetched(entry(server.serve("/a", CONTENT, cut=300_000, times=2, no_length=no_length)))
    assert server.ranges() == ["", "bytes=300000-", "bytes=600000-"]
    assert server.asked[1][1]["If-Range"] == '"first"'


def test_a_silent_server_counts_as_cut(home: Path, server: Server) -> None:
    fetched(entry(server.serve("/a", CONTENT, stall=100_000, times=1)))
    assert server.ranges() == ["", "bytes=100000-"]


def test_a_server_without_pieces_begins_anew(home: Path, server: Server) -> None:
    fetched(entry(server.serve("/a", CONTENT, cut=300_000, times=1, ranges=False)))


def test_a_wrong_piece_is_not_joined(home: Path, server: Server) -> None:
    url = server.serve("/a", CONTENT, cut=300_000, times=1, wrong_piece=True)
    fetched(entry(url, known=False))
    assert server.ranges() == ["", "bytes=300000-", ""]


def test_a_file_that_changes_meanwhile_is_not_mixed(home: Path, server: Server) -> None:
    url = server.serve("/a", b"\0" * len(CONTENT), cut=300_000, times=1, changes=CONTENT)
    fetched(entry(url, known=False))


def test_lies_about_the_length_are_seen(home: Path, server: Server) -> None:
    short = server.serve("/short", CONTENT, length=1000)
    refused(entry(short), "offers 1,000 bytes, not")
    refused(entry(short, known=False), "gives something else: it is damaged")
    longer = server.serve("/long", CONTENT, length=len(CONTENT) + 10, ranges=False)
    refused(entry(longer, known=False), "was cut off after")


def test_more_bytes_than_there_should_be_are_not_taken(home: Path, server: Server) -> None:
    refused(entry(server.serve("/a", CONTENT * 3, no_length=True)), "sends more than")


def test_wrong_bytes_are_refused_and_the_next_source_is_tried(home: Path, server: Server) -> None:
    wrong = server.serve("/wrong", CONTENT[:-4] + b"abcd")
    right = server.serve("/right", CONTENT)
    refused(entry(wrong), "no source of mine gave weights.safetensors:")
    refused(entry(wrong), f"gives something else: its sha256 is .* not {sha256(CONTENT)}")
    assert not cache.unfinished(entry(wrong))
    fetched(entry(server.address + "/none", wrong, right))
    assert [path for path, _ in server.asked[-3:]] == ["/none", "/wrong", "/right"]


def test_a_byte_a_connection_is_no_progress(home: Path, server: Server) -> None:
    url = server.serve("/a", CONTENT, cut=1)
    refused(entry(url), r"was cut off after 3 of 800,\d+ bytes")
    assert server.ranges() == ["", "bytes=1-", "bytes=2-"]


def test_the_same_bytes_again_are_no_progress(home: Path, server: Server) -> None:
    refused(entry(server.serve("/a", CONTENT, cut=100_000, ranges=False)), "was cut off after 100,000 of")
    assert len(server.asked) == 4  # the first brought something


def test_a_download_without_a_length_ends(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = entry(server.serve("/a", CONTENT, no_length=True, endless=True), known=False)
    with pytest.raises(PixgenError, match="sends more than 30,000,000 bytes and does not say how many"):
        pull.pull(made, patience=dataclasses.replace(QUICK, most=30_000_000))
    usage = pull.shutil.disk_usage
    monkeypatch.setattr(pull.shutil, "disk_usage", lambda path: usage(path)._replace(free=60_000_000))
    monkeypatch.setattr(download, "ROOM", 20_000_000)
    with pytest.raises(PixgenError, match=r"needs 20 MB more in .*, and 60 MB are free"):
        pull.pull(made, patience=QUICK)


def test_a_server_that_sends_too_little_counts_as_cut(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT, trickle=0.01))
    with pytest.raises(PixgenError, match=r"broke off \(it sent \d+ bytes in 0 seconds\)"):
        pull.pull(made, patience=dataclasses.replace(QUICK, window=0.1))


@pytest.mark.parametrize("length", ["9" * 5000, "٣", "-5", "many", "1e3"])
def test_lengths_that_are_none_count_as_not_said(length: str, home: Path, server: Server) -> None:
    url = server.serve("/a", CONTENT, headers={"Content-Length": length.encode().decode("latin-1")})
    fetched(entry(url))


def test_a_member_that_would_fill_the_disk_is_not_unpacked(home: Path, server: Server) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.ckpt", bytes(70_000_000))
    url = server.serve("/a.zip", packed.getvalue())
    refused(entry(url, known=False, member="model.ckpt"), "its entries would take 70,000,000 bytes")


def test_a_web_page_is_no_checkpoint_even_without_a_hash(home: Path, server: Server) -> None:
    page = server.serve("/page", b"<!DOCTYPE html><p>Too many requests</p>")
    refused(entry(page, known=False), "web page")


def test_every_source_is_named_with_its_reason(home: Path, server: Server) -> None:
    busy = server.serve("/busy", CONTENT, status=503)
    refused(entry(server.address + "/none", busy), r"(?s)/none answers 404 Not Found.*/busy answers 503")
    assert [path for path, _ in server.asked] == ["/none", *["/busy"] * 3]  # what may pass is tried again
    refused(entry("http://127.0.0.1:9/a"), "cannot be reached")


@pytest.mark.parametrize(
    "source",
    [
        *(
            "ftp://127.0.0.1/a",
            "file:///etc/passwd",
            "FILE:/etc/passwd",
            "/etc/passwd",
            "data:,a",
            "https:///a",
            "a.ckpt",
        ),
        *(
            "hub:a/b",
            "hub:a/b/../../c",
            "hub:../b/c",
            "hub:a/b//etc/passwd",
            "hub:a/b/c\\d",
            "https://a/b c",
            "http://[/",
        ),
    ],
)
def test_only_downloads_are_sources(source: str) -> None:
    with pytest.raises(ValueError, match="is not an address to download from"):
        entry(source)


def test_a_busy_server_is_asked_again(home: Path, server: Server) -> None:
    fetched(entry(server.serve("/a", CONTENT, status=503, times=2)))


def test_redirects_are_followed_and_their_circles_are_not(home: Path, server: Server) -> None:
    server.serve("/b", CONTENT, cut=300_000, times=1)
    fetched(entry(server.serve("/a", b"", redirect="/b")))
    assert [path for path, _ in server.asked] == ["/a", "/b", "/a", "/b"] and server.ranges()[-1] == "bytes=300000-"
    server.serve("/c", b"", redirect="/d")
    made = dataclasses.replace(entry(server.serve("/d", b"", redirect="/c")), name="circle")
    refused(made, "answers 302")


def test_no_redirect_leads_from_https_to_what_others_can_change() -> None:
    asked = urllib.request.Request("https://weights.invalid/a")
    follow = download._Redirects().redirect_request
    with pytest.raises(urllib.error.URLError, match="from https to http"):
        follow(asked, None, 302, "Found", Message(), "http://weights.invalid/a")
    assert follow(asked, None, 302, "Found", Message(), "https://elsewhere.invalid/a") is not None


def test_the_next_process_goes_on_and_the_next_source_as_well(home: Path, server: Server) -> None:
    first = server.serve("/first", CONTENT, cut=300_000, gone=True)
    refused(entry(first), "(?s)gave weights.safetensors; what came is kept.*answers 404")
    made = entry(first, server.serve("/second", CONTENT))
    assert cache.state(made) == "partly here"
    fetched(made)
    assert server.ranges()[-1] == "bytes=300000-"  # the hash is known: another source's bytes may go on


def test_bytes_of_another_source_are_not_mixed_without_a_hash(home: Path, server: Server) -> None:
    first = server.serve("/first", CONTENT[:100] + b"\1" * len(CONTENT), cut=300_000, gone=True)
    fetched(entry(first, server.serve("/second", CONTENT), known=False))
    assert server.ranges() == ["", "bytes=300000-", ""]


def test_sources_that_do_not_fit_together_are_fetched_from_the_start(home: Path, server: Server) -> None:
    first = server.serve("/first", b"\1" * len(CONTENT), cut=300_000, gone=True)
    fetched(entry(first, server.serve("/second", CONTENT)))
    assert server.ranges() == ["", "bytes=300000-", "bytes=300000-", ""]


def test_the_first_hash_is_kept_and_holds_ever_after(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT), known=False)
    path = fetched(made)
    assert cache.trusted(made, made.files[0]) == sha256(CONTENT)
    assert cache.verify(made) == [(path, None)]
    cache.remove(made)
    other = save({"weight": torch.ones(200_000)})
    server.serve("/a", other)
    refused(made, f"its sha256 is {sha256(other)}, not {sha256(CONTENT)} of the first download")
    cache.forget(made)
    assert pull.pull(made, patience=QUICK)[0].read_bytes() == other


def test_a_damaged_file_is_replaced(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT))
    path = fetched(made)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert "sha256" in str(cache.verify(made)[0][1])
    fetched(made)


def test_a_file_in_a_zip_file(home: Path, server: Server) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readme", "no")
        archive.writestr("model.ckpt", CONTENT)
    url = server.serve("/a.zip", packed.getvalue(), cut=10_000, times=1)
    fetched(entry(url, known=False, member="model.ckpt"))
    made = dataclasses.replace(entry(url, known=False, member="other.ckpt"), name="other")
    refused(made, r"it is not a zip file that holds other\.ckpt")


@pytest.mark.parametrize("name", ["PIXGEN_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(name: str, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = entry(server.serve("/a", CONTENT))
    monkeypatch.setenv(name, "1")
    refused(made, f"{name} forbids the network", UsageError)
    assert not server.asked and not list(home.rglob("*"))
    monkeypatch.setenv(name, "0")
    fetched(made)


def test_a_proxy_is_asked_instead(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve("http://weights.invalid/a", CONTENT)
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.setenv("no_proxy", "")
    fetched(entry("http://weights.invalid/a"))


def test_a_disk_without_room_is_seen_before(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = pull.shutil.disk_usage
    monkeypatch.setattr(pull.shutil, "disk_usage", lambda path: usage(path)._replace(free=50_500_000))
    made = entry(server.serve("/a", CONTENT))
    refused(made, "needs 800 kB more|needs 1 MB more")
    assert not cache.unfinished(made)


PROGRAM = """
import resource, sys
from pixgen.models import pull
from pixgen.models.download import Patience
from pixgen.models.entry import Entry, File
url, size, digest, limit = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
if limit:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
made = Entry("mine", "vqgan", "", {}, [File("weights.safetensors", [url], bytes=size, sha256=digest)])
try:
    pull.pull(made, patience=Patience(5, 2, 0.01))
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def process(url: str, limit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, url, str(len(CONTENT)), sha256(CONTENT), str(limit)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_under_a_final_name(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT))
    full = process(made.files[0].sources[0], limit=200_000)
    assert "PixgenError: the disk is full: mine needs" in full.communicate()[1]
    assert cache.state(made) == "partly here"
    fetched(made)
    assert server.ranges()[-1] == "bytes=200000-"


@pytest.mark.slow
def test_a_killed_download_is_gone_on_with(home: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made = entry(server.serve("/a", CONTENT, slow=0.1))
    killed = process(made.files[0].sources[0])
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 100_000 for path in home.rglob("data")):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not cache.place(made, made.files[0]).exists()
    monkeypatch.setattr(partial, "QUIET", 0.0)
    server.paths["/a"].slow = 0.0
    fetched(made)
    assert int(server.ranges()[-1].removeprefix("bytes=").rstrip("-")) > 100_000


def test_the_part_of_a_living_process_is_not_touched(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT))
    with partial.claim(made, made.files[0]) as other:
        other.begin("elsewhere", "")
        other.data.write_bytes(b"abc")
        os.utime(other.data, (0, 0))
        os.utime(other.folder, (0, 0))
        assert pull.pull(made, patience=QUICK)[0].read_bytes() == CONTENT
        assert other.data.read_bytes() == b"abc"


def test_what_was_left_behind_goes_to_one_alone_where_no_lock_can_be_had(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no locks on this drive")

    for name in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, name, refuse)
    made = entry("https://weights.invalid/a")
    with partial.claim(made, made.files[0]) as left:
        left.begin("elsewhere", "")
        left.data.write_bytes(b"abc")
    together = threading.Barrier(6)

    def claimed(_: int) -> int:
        together.wait()
        with partial.claim(made, made.files[0]) as part:
            together.wait()
            return part.have

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(claimed, range(6))) == [0, 0, 0, 0, 0, 3]
    assert len(cache.unfinished(made)) == 1


@pytest.mark.slow
def test_several_processes_at_once_do_each_other_no_harm(home: Path, server: Server) -> None:
    made = entry(server.serve("/a", CONTENT, cut=400_000, times=4, slow=0.01))
    crowd = [process(made.files[0].sources[0]) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda each: each.communicate()[1], crowd))
    assert [each.returncode for each in crowd] == [0, 0, 0], said
    assert cache.verify(made) == [(cache.place(made, made.files[0]), None)]
    assert not cache.unfinished(made)


@pytest.mark.slow
def test_a_file_of_the_hub_through_its_own_library(home: Path, server: Server) -> None:
    server.serve("/owner/repo/resolve/main/deep/a.safetensors", CONTENT, etag=f'"{sha256(CONTENT)}"')
    program = (
        "from pixgen.models import pull; from pixgen.models.entry import Entry, File;"
        "made = Entry('mine', 'vqgan', '', {}, [File('weights.safetensors', ['hub:owner/repo/none.bin',"
        f"'hub:owner/repo/deep/a.safetensors'], sha256={sha256(CONTENT)!r})]);"
        "print(*pull.pull(made))"
    )
    environment = {**os.environ, "HF_ENDPOINT": server.address, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", program]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == CONTENT
    assert [path.name for path in (home / "cache" / "models").iterdir()] == ["mine"]
    assert [path.name for path in (home / "cache" / "models" / "mine").iterdir()] == ["weights.safetensors"]
