"""The page speaks English and Portuguese, whichever the browser asks for."""

from __future__ import annotations

import re

import pytest

from pixgen.settings import layers
from pixgen.ui import texts


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("pt-PT", "pt"),
        ("en-US,en;q=0.9,pt;q=0.8", "en"),
        ("de-DE,de;q=0.9,pt;q=0.5,en;q=0.3", "pt"),
        ("en;q=0.1, PT;q=0.9", "pt"),
        ("fr", "en"),
        ("", "en"),
        ("*;q=nonsense,,;", "en"),
    ],
)
def test_the_browser_chooses_the_language(accepted: str, language: str) -> None:
    assert texts.language(accepted) == language


@pytest.mark.parametrize("key", texts.TEXTS)
def test_both_languages_have_the_same_gaps(key: str) -> None:
    english, portuguese = texts.TEXTS[key]
    assert english.strip() and portuguese.strip()
    assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", portuguese))


def test_every_preset_is_described_in_portuguese() -> None:
    assert set(texts.PRESETS) == set(layers.preset_names())
