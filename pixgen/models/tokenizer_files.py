"""Reads the rules of a tokenizer, from a tokenizer.json or from a network's metadata, and makes token ids with them.

The rules replace text by text before it is cut into tokens. A file of somebody else's may have rules that make a word
a gigabyte, so what a rule may add is counted before a tokenizer is made of them.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pixgen.errors import PixgenError, reason

MAX_BYTES = 64_000_000
"""Of a tokenizer.json; that of Gemma, which SigLIP 2 uses, has 34 million."""
GROWTH = 64
"""How many times longer all rules together may make a text."""
MAX_RULES = 64
MAX_TEXT = 10_000
"""Letters of a text that are read; far more than any network has tokens for."""

HARMLESS = frozenset(
    (
        *("NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents", "Strip", "BertNormalizer", "ByteLevel"),
        *("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "Metaspace", "Split"),
        *("CharDelimiterSplit", "UnicodeScripts", "FixedLength", "TemplateProcessing", "BertProcessing"),
        "RobertaProcessing",
    )
)
"""Rules that add to a text no more than a few letters for each of it."""


class Vocabulary:
    """A tokenizer: texts -> token ids.

    where: the file, for messages. context: tokens of a text; longer ones are cut, shorter ones are padded.
    size: how many tokens the network knows, None where it does not say. pad: the id of padding, by name or number.
    Raises PixgenError for rules that are damaged, unknown, or multiply a text.
    """

    def __init__(self, rules: str, where: Path, context: int, size: int | None, pad: int | tuple[str, ...]) -> None:
        self._where, self._size = where, size
        self._tokenizer = tokenizer(rules, where)
        with _refusals(where):
            ids = [pad] if isinstance(pad, int) else [self._tokenizer.token_to_id(token) for token in pad]
            padding = next((number for number in ids if number is not None), 0)
            self._tokenizer.enable_truncation(context)
            self._tokenizer.enable_padding(length=context, pad_id=padding)

    def ids(self, texts: list[str], empty: int | None = None) -> Tensor:
        """Token ids, int64 (len(texts), context). empty: the id of a text without any token, None to keep its padding.

        Raises PixgenError where the rules cannot read a text, or make a token of it that the network does not know.
        """
        with _refusals(self._where):
            encoded = self._tokenizer.encode_batch([text[:MAX_TEXT] for text in texts])
            rows = [each.ids or ([] if empty is None else [empty]) for each in encoded]
            found = torch.tensor(rows, dtype=torch.int64)
        if self._size is not None and found.numel() and int(found.max()) >= self._size:
            why = f"a token has the number {int(found.max()):,}, and the network knows {self._size:,}"
            raise _refused(self._where, why)
        return found

    def is_cut(self, text: str) -> bool:
        """Whether a text has more tokens than the context. Raises PixgenError as `ids`."""
        with _refusals(self._where):
            return bool(self._tokenizer.encode(text[:MAX_TEXT]).overflowing)

    def unread(self, text: str) -> str:
        """What lies behind the context, empty where all of a text is read. Raises PixgenError as `ids`."""
        with _refusals(self._where):
            encoded = self._tokenizer.encode(text[:MAX_TEXT])
            return text[encoded.offsets[-1][1] :].strip() if encoded.overflowing else ""


def tokenizer(rules: str, where: Path) -> Any:
    """The tokenizer of the package `tokenizers` that has these rules. Raises PixgenError as `Vocabulary`."""
    from tokenizers import Tokenizer

    _Rules(where).require_bounded(rules)
    with _refusals(where):
        return Tokenizer.from_str(rules)


@contextlib.contextmanager
def _refusals(where: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        # The package has no class of errors of its own, and a Rust panic is not even an Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            parsed = " at line 1 column " in str(error)  # of a file that the package alone sees
            why = "its rules are not those of a tokenizer.json" if parsed else reason(error)
            raise _refused(where, why) from error
        raise


def _refused(where: Path, why: str) -> PixgenError:
    return PixgenError(f"the tokenizer of {where} cannot be used: {why[:200]}; get the file again")


class _Rules:
    """Counts what the rules of a tokenizer may add to a text. where: its file, for messages."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def require_bounded(self, rules: str) -> None:
        """Raise PixgenError for rules that are unknown, or make a text too long."""
        if len(rules) > MAX_BYTES:
            raise self._refused(f"it has more than {MAX_BYTES:,} bytes")
        try:
            parsed = json.loads(rules)
        except (ValueError, RecursionError) as error:
            raise self._refused(f"it is not JSON ({reason(error)})") from error
        if not isinstance(parsed, Mapping):
            raise self._refused("it is not a tokenizer.json")
        found = [
            rule for part in ("normalizer", "pre_tokenizer", "post_processor") for rule in self._rules(parsed.get(part))
        ]
        if len(found) > MAX_RULES:
            raise self._refused(f"it has more than {MAX_RULES} rules")
        growth = 1.0
        for rule in found:
            growth *= self._growth(rule)
        if growth > GROWTH:
            raise self._refused(f"its rules would make a text {growth:,.0f} times longer, {GROWTH} times at most")

    def _refused(self, why: str) -> PixgenError:
        return _refused(self._where, why)

    def _rules(self, part: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
        """The rules of one part, those of sequences one by one."""
        if part is None:
            return
        if not isinstance(part, Mapping) or depth > 8:
            raise self._refused("its rules are not those of a tokenizer.json")
        if part.get("type") != "Sequence":
            yield part
            return
        for name in ("normalizers", "pretokenizers", "processors"):
            inner = part.get(name, [])
            if not isinstance(inner, list) or len(inner) > MAX_RULES:
                raise self._refused(f"it has more than {MAX_RULES} rules")
            for each in inner:
                yield from self._rules(each, depth + 1)

    def _growth(self, rule: Mapping[str, Any]) -> float:
        """How many times longer a rule may make a text."""
        kind = rule.get("type")
        if kind == "Replace":
            pattern, content = rule.get("pattern"), rule.get("content")
            literal = pattern.get("String") if isinstance(pattern, Mapping) else None
            if not isinstance(content, str):
                raise self._refused("a rule replaces by what is not text")
            if isinstance(literal, str) and literal:
                return max(1.0, len(content) / len(literal))
            return 1.0 + len(content)  # an expression may match between any two letters
        if kind == "Prepend":
            return 1.0 + len(str(rule.get("prepend", "")))
        if kind == "Precompiled":
            return self._charsmap(rule.get("precompiled_charsmap"))
        if not isinstance(kind, str) or kind not in HARMLESS:
            raise self._refused(f"pixgen does not know its rule {str(kind)[:40]!r}")
        return 1.0

    def _charsmap(self, packed: Any) -> float:
        """SentencePiece's table: the size of a trie, the trie, and the replacements with a zero between them."""
        try:
            table = base64.b64decode(packed or "", validate=True)
        except (ValueError, TypeError) as error:
            raise self._refused("its table of letters is damaged") from error
        replacements = table[4 + int.from_bytes(table[:4], "little") :]
        # The longest that Unicode itself has is of 18 letters; sequences of combined ones come to it.
        return 1.0 if max(map(len, replacements.split(b"\0"))) <= 256 else float("inf")


def read(path: Path, context: int, size: int | None, pad: int | tuple[str, ...]) -> Vocabulary:
    """The tokenizer of a tokenizer.json. Raises PixgenError where it cannot be read, or as `Vocabulary`."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
        return Vocabulary(content.decode(), path, context, size, pad)
    except (OSError, UnicodeDecodeError) as error:
        raise PixgenError(f"the tokenizer {path} cannot be read ({reason(error)}); get the file again") from error
