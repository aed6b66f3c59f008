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
from tests.ui.test_uploads import bomb

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

DOCS = Path(__file__).parent.parent.parent / "docs"

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
    app = uvicorn.Server(
        uvicorn.Config(server.application(service, port), log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=app.run, kwargs={"sockets": [listening]})
    thread.start()
    yield service, f"http://127.0.0.1:{port}"
    app.should_exit = True
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

    def tab(self, name: str) -> None:
        """Go to a tab."""
        self.page.click(f"button[role=tab]:has-text('{name}')")

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


def test_a_weight_is_changed_while_it_is_drawn(visit: Visit, served: Any) -> None:
    visit.page.click("#losses-box button")
    visit.draw("a yellow star", steps=150)
    visit.until("step ")
    assert "weight" not in visit.page.inner_text("#weight-0") and visit.page.is_visible("#weight-0")
    visit.page.fill("#weight-0 input[type=number]", "7")
    visit.page.press("#weight-0 input[type=number]", "Enter")
    visit.until("150 steps in")
    weight = metadata.read(served[0].folder / "a-yellow-star.png").config["losses"]["clip"]["weight"]
    assert weight["type"] == "piecewise" and weight["levels"] == [7]


def test_presets_are_chosen_by_their_pictures(visit: Visit, served: Any) -> None:
    for name in ("ink", "draft"):
        visit.page.click(f"#presets [data-name={name}]")
        visit.page.wait_for_selector(f"#presets [data-name={name}][aria-pressed=true]")
    loaded = "() => [...document.querySelectorAll('#presets img')].every((image) => image.naturalWidth > 0)"
    visit.page.wait_for_function(loaded)
    visit.draw("a boat", steps=3)
    visit.until("saved as")
    assert {"look", "paper", "hard"} <= set(metadata.read(served[0].folder / "a-boat.png").config["losses"])


def test_the_gallery_survives_a_reload_and_draws_again(visit: Visit, served: Any) -> None:
    folder = served[0].folder
    visit.draw("a fish", steps=4)
    visit.until("saved as")
    visit.page.reload()
    visit.page.wait_for_selector("#prompt textarea")
    visit.tab("Gallery")
    visit.page.click("#gallery [data-name='a-fish.png']")
    visit.page.wait_for_function("document.querySelector('#details')?.innerText.includes('a fish')")
    assert "pixgen again" in visit.page.inner_text("#details")
    visit.page.wait_for_function("document.querySelector('#details img').naturalWidth === 64")
    visit.page.click("#again")
    assert "a-fish-2.png" in visit.until("saved as")
    assert (folder / "a-fish-2.png").read_bytes() == (folder / "a-fish.png").read_bytes()
    visit.tab("Gallery")
    visit.page.click("#gallery [data-name='a-fish.png']")
    visit.page.click("#use")
    visit.page.wait_for_function("document.querySelector('#prompt textarea').offsetParent !== null")
    visit.draw("a bird", steps=3)
    visit.until("a-bird.png")
    start = metadata.read(folder / "a-bird.png").config["start"]
    assert (start["type"], Path(start["path"])) == ("image", folder / "a-fish.png")


def test_variations_and_an_edit_under_a_painted_mask(visit: Visit, served: Any) -> None:
    folder = served[0].folder
    folder.mkdir(exist_ok=True)
    shutil.copy(DOCS / "apple.png", folder)
    visit.tab("Gallery")
    visit.page.click("#refresh")
    visit.page.click("#gallery [data-name='apple.png']")
    visit.page.wait_for_function("document.querySelector('#details')?.innerText.includes('a red apple')")
    visit.page.click("#vary")
    visit.page.wait_for_selector("#edit-picture img")
    visit.page.fill("#edit-count input[type=number]", "2")
    visit.page.press("#edit-count input[type=number]", "Enter")
    visit.page.click("#edit-start")
    visit.page.wait_for_function("document.querySelectorAll('#edit-results .px-card').length === 2", timeout=120_000)
    assert len(list(folder.glob("apple-variation*.png"))) == 2

    visit.page.click("#edit-what input[value=edit]")
    visit.page.wait_for_selector("#edit-after textarea, #edit-after input")
    visit.page.fill("#edit-after textarea, #edit-after input", "a green apple")
    visit.page.fill("#edit-steps textarea, #edit-steps input", "1")
    visit.page.click("#mask-box button")
    canvas = visit.page.locator("#painter canvas").first
    canvas.wait_for()
    visit.page.wait_for_timeout(1000)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visit.page.mouse.move(x - 10, y - 10)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 10, y + 10, steps=5)
    visit.page.mouse.up()
    visit.page.wait_for_timeout(500)
    visit.page.click("#edit-start")
    visit.page.wait_for_function("document.querySelector('#edit-status')?.innerText.includes('green')", timeout=120_000)
    about = metadata.read(folder / "a-green-apple-2.png" if (folder / "a-green-apple-2.png").exists() else next(
        path for path in folder.glob("a-green-apple*.png") if "edit" in metadata.read(path).command
    ))  # fmt: skip
    assert "--mask" in about.command and "uploads/mask-" in about.command


def test_classify_and_search(visit: Visit, served: Any) -> None:
    folder = served[0].folder
    folder.mkdir(exist_ok=True)
    for name in ("apple.png", "teacher.png"):
        shutil.copy(DOCS / name, folder)
    visit.tab("Classify")
    visit.page.set_input_files("#classify-picture input[type=file]", DOCS / "apple.png")
    visit.page.wait_for_selector("#classify-picture img")
    visit.page.fill("#labels textarea", "cat, apple, house")
    visit.page.click("#classify")
    visit.page.wait_for_selector("#answer .px-row")
    assert visit.page.inner_text("#answer .px-row >> nth=0").startswith("apple")
    visit.tab("Search")
    visit.page.fill("#search-text textarea, #search-text input", "a portrait of a teacher")
    visit.page.click("#search")
    visit.page.wait_for_selector("#found .px-card")
    visit.page.click("#found [data-name='teacher.png']")
    visit.page.wait_for_function("document.querySelector('#details')?.innerText.includes('teacher')")


def test_an_upload_that_is_no_picture_or_a_bomb_is_refused(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "bomb.png").write_bytes(bomb(60_000, 60_000))
    for tab, field, button, where in (
        ("Classify", "#classify-picture", "#classify", "#answer"),
        ("Vary and edit", "#edit-picture", "#edit-start", "#edit-status"),
    ):  # fmt: skip
        visit.tab(tab)
        for name, said in (("text.png", "not a picture"), ("bomb.png", "million pixels")):
            if visit.page.locator(f"{field} button[aria-label='Clear']").count():
                visit.page.click(f"{field} button[aria-label='Clear']")
            visit.page.set_input_files(f"{field} input[type=file]", tmp_path / name)
            visit.page.wait_for_timeout(1500)
            if tab == "Classify":
                visit.page.fill("#labels textarea", "cat, apple")
            visit.page.click(button)
            visit.page.wait_for_function(
                "([where, said]) => document.querySelector(where)?.innerText.includes(said)", arg=[where, said]
            )


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


def test_a_foreign_path_in_place_of_an_upload_is_refused(served: Any, browser: Any, tmp_path: Path) -> None:
    service, address = served
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "red").save(secret)
    context = browser.new_context()
    config = context.request.get(f"{address}/config").json()
    (ask,) = [event for event in config["dependencies"] if len(event["inputs"]) == 3 and len(event["outputs"]) == 1][:1]
    handed = {"path": str(secret), "meta": {"_type": "gradio.FileData"}, "orig_name": "secret.png"}
    joined = context.request.post(
        f"{address}/gradio_api/queue/join",
        data={"data": [handed, "cat, apple", "pixgen-tiny"], "fn_index": ask["id"], "session_hash": "stranger"},
    )
    assert joined.ok
    said = context.request.get(f"{address}/gradio_api/queue/data?session_hash=stranger").text()
    assert "process_completed" in said and "px-row" not in said
    assert '"success":false' in said.replace(" ", "")
    context.close()
    service.close("stranger")


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
