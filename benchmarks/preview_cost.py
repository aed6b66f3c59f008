"""What the growing picture of `pixgen ui` costs: the same picture drawn with previews and without.

    python benchmarks/preview_cost.py                   384x384, 12 steps, three times each, in turn
    python benchmarks/preview_cost.py --size 256 --steps 60 --runs 5
    python benchmarks/preview_cost.py --browser         through the page, in headless Chromium

Without `--browser` the views of a window are consumed here. With it a page is served and a browser draws on it: the
cost of Gradio's queue and of the browser, which computes on the same cores, is in the figure.
The time of this process's threads is printed beside the clock's, for a busy machine makes the latter unsure.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixgen.backend import hardware
from pixgen.loop.build import Models
from pixgen.loop.drawing import Drawing
from pixgen.ui.choices import Choices
from pixgen.ui.service import Service
from pixgen.ui.window import Window

Timed = tuple[float, float, int]
"""Seconds by the clock, seconds of the processor, previews."""


def timed(run: Callable[[], int]) -> Timed:
    """Time a run, which gives how many previews it showed."""
    clock, processor = time.perf_counter(), time.process_time()
    shown = run()
    return time.perf_counter() - clock, time.process_time() - processor, shown


def alone(asked: Choices, models: Models) -> int:
    """Draw without showing anything."""
    drawing = Drawing([asked.config()], models)
    for _ in drawing:
        pass
    drawing.images()
    return 0


def in_a_window(asked: Choices, models: Models) -> int:
    """Draw in a window whose views are taken as they come."""
    with tempfile.TemporaryDirectory() as folder:
        return sum(bool(view.preview) for view in Window(Path(folder), models).draw(asked.config))


@contextmanager
def page(folder: Path) -> Iterator[str]:
    """A page that is served, and its address."""
    import uvicorn

    from pixgen.ui import server

    service, listening = Service(folder), server.bound(0)
    port = listening.getsockname()[1]
    settings = uvicorn.Config(server.application(service, port), log_level="warning", timeout_graceful_shutdown=1)
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join()


def in_a_browser(asked: Choices, runs: int) -> list[Timed]:
    """Draw on the page in Chromium; the first run, which loads the models, is not counted."""
    from playwright.sync_api import sync_playwright

    found = []
    with tempfile.TemporaryDirectory() as folder, page(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        window = browser.new_page()
        window.set_default_timeout(600_000)
        window.goto(address)
        for name, text in (("prompt", asked.prompt), ("steps", asked.steps), ("seed", asked.seed)):
            window.fill(f"#{name} textarea, #{name} input", text)
        window.click("#more-box button")
        window.fill("#more textarea", f"size={asked.size}")
        window.evaluate(
            "() => { window.shown = 0; new MutationObserver((found) => { for (const one of found)"
            " if (one.target.src.startsWith('data:')) window.shown += 1; }).observe("
            "document.querySelector('#stage img'), {attributes: true, attributeFilter: ['src']}); }"
        )
        for run in range(runs + 1):

            def draw() -> int:
                before = window.evaluate("window.shown")
                window.click("#draw")
                window.wait_for_selector("#status .px-preparing, #status .px-drawing", state="attached")
                window.wait_for_selector("#status .px-finished", state="attached")
                return int(window.evaluate("window.shown") - before)

            seconds = timed(draw)
            if run:
                found.append(seconds)
        browser.close()
    return found


def line(name: str, found: list[Timed]) -> str:
    """The medians of some runs."""
    clock, processor, shown = (statistics.median(values) for values in zip(*found, strict=True))
    return f"{name:<18} {clock:8.2f} s  {processor:8.2f} s of the processor  {shown:4.0f} previews"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="384", help="[default: 384]")
    parser.add_argument("--steps", default="12", help="[default: 12]")
    parser.add_argument("--runs", type=int, default=3, help="of each  [default: 3]")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--browser", action="store_true", help="through the page, in headless Chromium")
    options = parser.parse_args()
    asked = Choices(options.prompt, size=options.size, steps=options.steps, seed="1")
    models = Models(keep_text_towers=True)
    alone(asked, models)  # loads the models
    plain: list[Timed] = []
    shown: list[Timed] = []
    for _ in range(options.runs):
        plain.append(timed(lambda: alone(asked, models)))
        if not options.browser:
            shown.append(timed(lambda: in_a_window(asked, models)))
    if options.browser:
        shown = in_a_browser(asked, options.runs)
    print(f"{hardware.machine('cpu')}; {options.size}, {options.steps} steps, medians of {options.runs}")
    print(line("without previews", plain))
    print(line("in the browser" if options.browser else "with previews", shown))
    for place, name in ((0, "clock"), (1, "processor")):
        before, after = (statistics.median(one[place] for one in found) for found in (plain, shown))
        print(f"by the {name}: {after / before - 1:+.1%}")


if __name__ == "__main__":
    main()
