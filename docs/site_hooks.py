"""What mkdocs.yml cannot say: pages outside docs/ belong to the site, and navigation takes patterns.

Pages link to files of the repository as GitHub wants it (`../CONTRIBUTING.md`). Whatever a page links to outside docs/
becomes part of the site, under repository/, and so does what these pages link to; links are changed to match.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = "repository/"
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=(#[^)\s]*)?\))")
"""The target of a Markdown link, without its anchor."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each pattern of the navigation by the pages that it stands for."""
    docs = Path(config.docs_dir)
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    named = set(_leaves(config.nav))
    config.nav = _expanded(config.nav, [page for page in pages if page not in named])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what the navigation names and pages link to outside docs/."""
    wanted = [_in_repository(uri) for uri in _leaves(config.nav)]
    for page in files.documentation_pages():
        wanted += _targets(page.content_string, _in_repository(page.src_uri))
    while wanted:
        path = wanted.pop()
        uri, there = _in_site(path), Path(config.docs_dir).parent / path
        if uri.startswith(OUTSIDE) and files.get_file_from_path(uri) is None and there.is_file():
            added = File.generated(config, uri, abs_src_path=str(there))
            files.append(added)
            if added.is_documentation_page():
                wanted += _targets(added.content_string, path)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where the site has their targets."""
    here = page.file.src_uri

    def changed(match: re.Match[str]) -> str:
        target = _target(match[1], _in_repository(here))
        found = target and files.get_file_from_path(_in_site(target))
        return posixpath.relpath(found.src_uri, posixpath.dirname(here)) if found else match[1]

    return LINK.sub(changed, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Say of pages in Portuguese that they are, so that browsers do not offer to translate them."""
    portuguese = page.file.src_uri.startswith("pt/") or page.file.src_uri.endswith(".pt-BR.md")
    return output.replace('<html lang="en"', '<html lang="pt-BR"', 1) if portuguese else output


def _in_repository(uri: str) -> str:
    """Path in the site -> path in the repository."""
    return uri.removeprefix(OUTSIDE) if uri.startswith(OUTSIDE) else f"docs/{uri}"


def _in_site(path: str) -> str:
    """Path in the repository -> path in the site."""
    return path.removeprefix("docs/") if path.startswith("docs/") else OUTSIDE + path


def _targets(markdown: str, page: str) -> Iterator[str]:
    for match in LINK.finditer(markdown):
        if target := _target(match[1], page):
            yield target


def _target(link: str, page: str) -> str | None:
    """Where a link on a page leads, as a path in the repository; None for a link to elsewhere."""
    if ":" in link or link.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return None if path.startswith("..") else path


def _leaves(nav: Any) -> Iterator[str]:
    """The pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from _leaves(entry)


def _expanded(nav: Any, rest: list[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(entry, rest) for title, entry in nav.items()}
    if not isinstance(nav, list):
        return nav
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and "*" in entry:
            folder = posixpath.dirname(entry)
            found += [page for page in rest if fnmatchcase(page, entry) and posixpath.dirname(page) == folder]
        else:
            found.append(_expanded(entry, rest))
    return found
