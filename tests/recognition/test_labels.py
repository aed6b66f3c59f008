"""Labels: read, refused, told apart by language, and put into templates with the right article."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixgen.errors import UsageError
from pixgen.recognition import clip_models, labels


def test_labels_of_a_list_and_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeffmaçã\r\n\r\na dog, on a beach\n".encode())
    assert labels.read("cat, dog ,,") == ["cat", "dog"]
    assert labels.read(None, tmp_path / "labels.txt") == ["maçã", "a dog, on a beach"]
    assert labels.read("cat", tmp_path / "labels.txt") == ["cat", "maçã", "a dog, on a beach"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "there are no labels"),
        (" , ,", "there are no labels"),
        ("cat", "'cat' is the only label"),
        ("cat,dog,Cat ", "the label 'Cat' is given twice"),
        ("maçã,mac\u0327a\u0303", "is given twice"),
        ("cat,do\x1bg", "control character U\\+001B"),
        (f"cat,{'x' * 100_000}", "a label has 100,000 characters"),
    ],
)
def test_labels_that_cannot_be(said: str | None, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        labels.read(said)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none\.txt"):
        labels.read(None, tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes("maçã\npão".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.txt is not UTF-8"):
        labels.read(None, tmp_path / "latin.txt")
    with pytest.raises(UsageError, match="cannot read"):
        labels.read(None, tmp_path)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["cat", "dog", "sofa"], ["en", "en", "en"]),
        (["gato", "cachorro", "sofa"], ["pt", "pt", "pt"]),  # typed without its accent
        (["cat", "gato"], ["en", "pt"]),
        (["xyz", "maçã"], ["pt", "pt"]),
        (["a dog on a beach", "um cachorro na praia"], ["en", "pt"]),
        (["xyz", "zyx"], ["en", "en"]),
    ],
)
def test_the_language_of_labels(said: list[str], wanted: list[str]) -> None:
    assert labels.languages(said) == wanted


@pytest.mark.parametrize(
    ("template", "label", "language", "wanted"),
    [
        ("a {}", "cat", "en", "a cat"),
        ("a drawing of a {}", "owl", "en", "a drawing of an owl"),
        ("a drawing of a {}", "glasses", "en", "a drawing of glasses"),
        ("a photo of the {}.", "cat", "en", "a photo of the cat."),
        ("a drawing of a {}", "a black cat", "en", "a drawing of a black cat"),
        ("a photo of the large {}.", "the moon", "en", "a photo of the large the moon."),
        ("um {}", "gato", "pt", "um gato"),
        ("um {}", "casa", "pt", "uma casa"),
        ("um desenho de um {}", "professora", "pt", "um desenho de uma professora"),
        ("um {}", "mulher", "pt", "uma mulher"),
        ("um {}", "uma casa azul", "pt", "uma casa azul"),
        ("{}", "casa", "pt", "casa"),
    ],
)
def test_the_article_fits(template: str, label: str, language: str, wanted: str) -> None:
    assert labels.fill(template, label, language) == wanted


def test_a_template_has_a_place_for_the_label() -> None:
    assert labels.check_templates(["a photo of {}"]) == ["a photo of {}"]
    with pytest.raises(UsageError, match=r"'a photo' has no \{\}"):
        labels.check_templates(["{}", "a photo"])


def test_a_file_of_labels_without_an_end_is_not_read_to_it(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_text("a label\n" * 200_000)
    for path in (large, Path("/dev/zero")):
        with pytest.raises(UsageError, match="has more than 1,000,000 bytes; that is not a file of labels"):
            labels.read(None, path)
    with pytest.raises(UsageError, match="there are 25,001 labels; the most is 25,000"):
        labels.check(str(i) for i in range(25_001))


def test_a_word_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    clip_models.load().warn_of_unknown_words([f"{number} xyzzyx" for number in ("one", "two", "three")])
    assert caplog.text.count("xyzzyx") == 1
