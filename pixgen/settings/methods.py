"""The three ways from words to a picture, as settings: the loop, or one of the two DALL-Es alone."""

from __future__ import annotations

from typing import Any

from pixgen.errors import UsageError, did_you_mean

METHODS = ("loop", "dalle1", "dalle2")


def settings(method: str, **options: Any) -> dict[str, Any]:
    """What a method stands for. options: of the start, those that are None left out.

    Without the loop there is one step that moves nothing: it gives the picture, and its losses to compare with.
    Raises UsageError for an unknown method, and for options where the loop has no such start.
    """
    if method not in METHODS:
        raise UsageError(f"there is no method {method!r}{did_you_mean(method, METHODS)} ({', '.join(METHODS)})")
    given = {name: value for name, value in options.items() if value is not None}
    if method == "loop":
        if given:
            name, value = next(iter(given.items()))
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} belongs to --method dalle1 or dalle2; for a loop that begins so write start.type=dalle1 "
                f"start.{name}={value}"
            )
        return {}
    return {
        "start": {"type": method, **given},
        "starts": 1,
        "steps": 1,
        "stages": [{"steps": 1.0, "size": 1.0}],
        "noise": 0.0,
        "average": 0.0,
        "optimizer": {"lr": 0.0},
    }
