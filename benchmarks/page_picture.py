"""The picture of `pixgen ui` in the README: the page in headless Chromium, with a picture that it has drawn.

python benchmarks/page_picture.py                 docs/ui.webp
python benchmarks/page_picture.py --to page.webp --language pt-BR --prompt "uma raposa"
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

from drawings import ROOT
from preview_cost import page

from pixgen.io import files, image_files

SEED = 2371667443


def screenshot(prompt: str, language: str) -> bytes:
    """A PNG of the page once it has drawn a prompt; pictures go to `outputs/` here."""
    from playwright.sync_api import sync_playwright

    with page(Path("outputs")) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        window = browser.new_page(viewport={"width": 1360, "height": 1040}, locale=language)
        window.set_default_timeout(600_000)
        window.goto(address)
        window.fill("#prompt textarea", prompt)
        window.fill("#seed textarea, #seed input", str(SEED))
        window.click("#draw")
        window.wait_for_selector("#status .px-finished", state="attached")
        window.wait_for_function("document.querySelector('#stage img').src.includes('/pictures/')")
        window.wait_for_timeout(1500)
        taken: bytes = window.screenshot()
        browser.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "ui.webp")
    parser.add_argument("--prompt", default="a red fox in the snow")
    parser.add_argument("--language", default="en-US", help="[default: en-US]")
    options = parser.parse_args()
    to = options.to.absolute()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        taken = screenshot(options.prompt, options.language)
    buffer = io.BytesIO()
    image_files.load(taken).convert("RGB").save(buffer, "WEBP", quality=88, method=6)
    files.write(to, buffer.getvalue(), overwrite=True)


if __name__ == "__main__":
    main()
