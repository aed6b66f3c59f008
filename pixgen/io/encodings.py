"""What a text is encoded in, as far as its first bytes tell."""

from __future__ import annotations

WAY_OUT = "save it as UTF-8 (in Excel: CSV UTF-8)"

_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def guess(content: bytes) -> str:
    """`UTF-16` or `UTF-32`, with a byte order mark or without, where `content` begins so; empty for all else.

    Without a mark it is seen by the zeros between Latin letters.
    """
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    match [byte != 0 for byte in content[:4]]:
        case [True, False, False, False] | [False, False, False, True]:
            return "UTF-32"
        case [True, False, True, False] | [False, True, False, True]:
            return "UTF-16"
    return ""
