"""The page, used in a browser as a person would use it; its machine has no other network than itself."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixgen.io import metadata, resources

pytestmark = [
    pytest.mark.extras,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
    pytest.mark.skipif(not list(resources.embedded().glob("*.safetensors")), reason="the models are not here"),
]

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

QUICK = "starts=1\ncutouts=2\nstages=[{steps: 1, size: 1}]\ngenerator.type=multires"
"""Settings by which a step takes a moment."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page's service and its address."""
    pytest.importorskip("gradio")
    import uvicorn

    from pixgen.ui import server
    from pixgen.ui.service import Service

    root = tmp_path_factory.mktemp("page")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(root / "uploads"))
    patch.setenv("PIXGEN_HOME", str(root / "home"))
    service = Service(root / "outputs", lambda line: f"({line})")
    listening = server.bound(0)
    port = listening.getsockname()[1]
    app = uvicorn.Server(uvicorn.Config(server.application(service, port), log_level="warning"))
    thread = threading.Thread(target=app.run, kwargs={"sockets": [listening]})
    thread.start()
    yield service, f"http://127.0.0.1:{port}"
    app.should_exit = app.force_exit = True
    thread.join(20)
    service.close_all()
    patch.undo()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        found = running.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield found
        found.close()


class Visit:
    """One window of the browser that has the page open, and every address that it asked for."""

    def __init__(self, browser: Any, address: str, locale: str = "en-US") -> None:
        self.address, self.asked = address, list[str]()
        self.context = browser.new_context(locale=locale, viewport={"width": 1400, "height": 1000})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("#prompt textarea")

    def draw(self, prompt: str, steps: int, more: str = QUICK, seed: int = 3) -> None:
        """Fill in the form and press the button."""
        self.page.fill("#prompt textarea", prompt)
        self.page.fill("#steps textarea, #steps input", str(steps))
        self.page.fill("#seed textarea, #seed input", str(seed))
        if not self.page.is_visible("#more textarea"):
            self.page.click("#more-box button")
        self.page.fill("#more textarea", f"size=64x64\n{more}")
        self.page.click("#draw")

    def status(self) -> str:
        return str(self.page.inner_text("#status"))

    def until(self, said: str) -> str:
        """Wait until the status says so."""
        self.page.wait_for_function(
            "said => document.querySelector('#status').innerText.includes(said)", arg=said, timeout=120_000
        )
        return self.status()

    def picture(self) -> str:
        return str(self.page.get_attribute("#stage img", "src"))


@pytest.fixture
def visit(browser: Any, served: Any) -> Iterator[Visit]:
    found = Visit(browser, served[1])
    yield found
    found.context.close()


def test_type_draw_watch_it_grow_and_download(visit: Visit, served: Any, tmp_path: Path) -> None:
    service, address = served
    visit.draw("a red fox", steps=60)
    seen = set()
    deadline = time.monotonic() + 120
    while "saved as" not in visit.status() and time.monotonic() < deadline:
        seen.add(visit.picture())
        visit.page.wait_for_timeout(50)
    assert len([one for one in seen if one.startswith("data:image/jpeg")]) >= 2
    visit.page.wait_for_function("document.querySelector('#stage img').src.includes('/pictures/a-red-fox.png')")
    assert visit.page.locator("#losses svg polyline").count() >= 1
    with visit.page.expect_download() as waiting:
        visit.page.click("#status .px-download")
    waiting.value.save_as(tmp_path / "fox.png")
    assert (tmp_path / "fox.png").read_bytes() == (service.folder / "a-red-fox.png").read_bytes()
    assert metadata.read(tmp_path / "fox.png").steps_done == 60
    # All of it came from this machine.
    outside = [url for url in visit.asked if not url.startswith((address + "/", "data:", "blob:"))]
    assert outside == [] and len(visit.asked) > 10


def test_stop_and_continue(visit: Visit, served: Any) -> None:
    visit.draw("a blue house", steps=150)
    visit.until("step ")
    visit.page.click("#stop")
    stopped = visit.until("stopped after")
    done = int(re.search(r"stopped after (\d+) of 150", stopped)[1])  # type: ignore[index]
    path = served[0].folder / "a-blue-house.png"
    assert 0 < done < 150 and metadata.read(path).steps_done == done
    visit.page.click("#continue")
    visit.until("150 steps in")
    assert metadata.read(path).steps_done == 150


def test_a_closed_window_ends_its_run(browser: Any, served: Any) -> None:
    service = served[0]
    visit = Visit(browser, served[1])
    visit.draw("a green apple", steps=100_000)
    visit.until("step ")
    before = set(service._windows)
    visit.context.close()
    deadline = time.monotonic() + 60
    path = service.folder / "a-green-apple.png"
    while time.monotonic() < deadline and not path.exists():
        time.sleep(0.05)
    assert 0 < metadata.read(path).steps_done < 100_000
    assert len(service._windows) < len(before)


def test_two_windows_at_once_do_not_mix(browser: Any, served: Any) -> None:
    folder = served[0].folder
    alone = Visit(browser, served[1])
    for prompt, seed in (("a cat", 5), ("a dog", 6)):
        alone.draw(prompt, steps=20, seed=seed)
        alone.until(f"seed {seed}")
    alone.context.close()
    first, second = Visit(browser, served[1]), Visit(browser, served[1])
    first.draw("a cat", steps=20, seed=5)
    second.draw("a dog", steps=20, seed=6)
    assert "a-cat-2.png" in first.until("saved as") and "a-dog-2.png" in second.until("saved as")
    for name in ("a-cat", "a-dog"):
        assert (folder / f"{name}-2.png").read_bytes() == (folder / f"{name}.png").read_bytes()
    first.context.close()
    second.context.close()


def test_what_cannot_be_drawn_is_said_on_the_page(visit: Visit) -> None:
    visit.draw("x" * 100_000, steps=3)
    assert "the prompt has 100,000 characters" in visit.until("100,000 characters")
    visit.draw("a fox", steps=3, more="stepz=3")
    assert "did you mean 'steps'" in visit.until("stepz")


def test_it_speaks_the_language_of_the_browser(browser: Any, served: Any) -> None:
    for locale, words in (
        ("en-US", ("What to draw", "Stop", "Pictures from words", "Pale washes")),
        ("pt-BR", ("O que desenhar", "Parar", "Imagens a partir de palavras", "Aguadas pálidas")),
    ):
        visit = Visit(browser, served[1], locale)
        visit.page.wait_for_function("said => document.body.innerText.includes(said)", arg=words[2])
        for said in words[:2]:
            assert said in visit.page.inner_text("body")
        assert words[3] in str(visit.page.get_attribute("#presets [data-name=watercolor]", "title"))
        visit.page.fill("#prompt textarea", "")
        visit.page.click("#draw")
        visit.until("(the prompt is empty" if locale == "pt-BR" else "the prompt is empty")
        visit.context.close()


def test_foreign_files_are_refused(served: Any, browser: Any) -> None:
    service, address = served
    service.folder.mkdir(exist_ok=True)
    secret = service.folder.parent / "secret.png"
    Image.new("RGB", (4, 4)).save(secret)
    context = browser.new_context()
    for path in (
        "/pictures/../secret.png", "/pictures/%2e%2e/secret.png", f"/pictures/{secret}", "/gradio_api/file=/etc/passwd",
        f"/gradio_api/file={secret}", f"/gradio_api/file={service.folder}/../secret.png",
        f"/gradio_api/file={Path(__file__).parent.parent.parent / 'setup.cfg'}",
        f"/gradio_api/file={os.getcwd()}/setup.cfg",
        "/gradio_api/file=http://127.0.0.1:1/x",
    ):  # fmt: skip
        answer = context.request.get(address + path)
        assert answer.status in (403, 404), (path, answer.status)
    context.close()


def test_other_machines_and_sites_are_refused(served: Any, browser: Any) -> None:
    address = served[1]
    host, port = address.removeprefix("http://").split(":")
    context = browser.new_context()
    for headers in ({"Host": "attacker.example"}, {"Origin": "https://attacker.example"}):
        answer = context.request.post(f"{address}/gradio_api/queue/join", headers=headers, data={})
        assert answer.status == 403
    context.close()
    # Another machine's address of this one: nobody listens there.
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", int(port))) != 0 and host == "127.0.0.1"
