"""docs/ as a site: it builds without a warning, its links hold, and it needs nothing from elsewhere."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

pytestmark = [pytest.mark.extras, pytest.mark.slow]

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
"""Elements that load something, and the attribute that names it; of <link>, see `Html.handle_starttag`."""


class Html(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        if tag in LOADS and LOADS[tag] in has:
            self.loads.append(has[LOADS[tag]])
        elif tag == "link" and has.get("rel") not in ("prev", "next", "canonical"):
            self.loads.append(has.get("href", ""))
        elif tag == "a" and "href" in has:
            self.links.append(has["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(module)
    to = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING -" not in done.stderr, done.stderr
    return to


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Html]:
    return {path.relative_to(site).as_posix(): Html(path.read_text()) for path in site.rglob("*.html")}


def page_of(path: Path) -> str:
    """The page of the site that a Markdown file becomes."""
    path = path.relative_to(DOCS)
    return path.with_name("index.html" if path.name == "README.md" else f"{path.stem}.html").as_posix()


def test_every_page_of_docs_is_there_and_in_the_navigation(pages: dict[str, Html]) -> None:
    wanted = {page_of(path) for path in DOCS.rglob("*.md")}
    assert len(wanted) > 30 and wanted - set(pages) == set()
    reached = {posixpath.normpath(link.partition("#")[0]) for link in pages["index.html"].links if ":" not in link}
    assert wanted - reached - {"index.html"} == set()


def test_links_and_what_pages_load_lead_somewhere(site: Path, pages: dict[str, Html]) -> None:
    def broken() -> Iterator[str]:
        for name, page in pages.items():
            for link in [*page.links, *page.loads]:
                path, _, anchor = unquote(link).partition("#")
                if ":" in path or name == "404.html":  # that page is for any address, so its links begin at the root
                    continue
                to = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
                if not (site / to).is_file() or (anchor and to in pages and anchor not in pages[to].anchors):
                    yield f"{name}: {link}"

    assert list(broken()) == []


def test_what_lies_outside_docs_is_part_of_the_site(pages: dict[str, Html]) -> None:
    assert "repository/CONTRIBUTING.html#a-first-task-write-a-loss" in pages["plugins.html"].links
    assert "repository/pixgen/training/index.html" in pages["tutorial.html"].links
    assert "../../../two_things.html" in pages["repository/pixgen/embedded/index.html"].links


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Html]) -> None:
    assert [load for page in pages.values() for load in page.loads if "//" in load] == []
    styles = {path: path.read_text() for path in site.rglob("*.css")}
    assert styles
    urls = [url for text in styles.values() for url in re.findall(r"url\(\s*[\"']?(.*?)[\"')]", text)]
    assert [url for url in urls if "//" in url and not url.startswith("data:")] == []
    assert not any(re.search(r"@import\s+(url\()?[\"']?(https?:)?//", text) for text in styles.values())


def test_the_reference_has_what_the_modules_offer(site: Path, pages: dict[str, Html]) -> None:
    import pixgen
    from pixgen import contracts

    offered = {f"pixgen.api.{name}" for name in pixgen.__all__ if not name.endswith("Error")}
    assert offered - pages["api/pixgen.html"].anchors - {"pixgen.api.Result.save"} == set()
    theirs = {f"pixgen.contracts.{name}" for name in contracts.__all__} - pages["api/contracts.html"].anchors
    assert theirs <= {f"pixgen.contracts.{name}" for name in ("Prompt", "Size", "Streams")}  # they come from elsewhere
    for name in ("registry.register", "testing.scene", "clip.load", "errors.UsageError"):
        assert f"pixgen.{name}" in pages[f"api/{name.partition('.')[0]}.html"].anchors
    text = re.sub(r"<[^>]+>", "", (site / "api" / "contracts.html").read_text())
    assert "embeddings: float32 (B, N, D), unit norm." in text


def test_pages_in_portuguese_say_so(site: Path) -> None:
    assert '<html lang="pt-BR"' in (site / "pt" / "tutorial.html").read_text()
    assert '<html lang="en"' in (site / "tutorial.html").read_text()
