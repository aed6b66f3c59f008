"""The check of starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pixgen.backend.tensors import Size
from pixgen.contracts import Generator, Params, Session, Start
from pixgen.testing import toys
from pixgen.testing.comparing import require_float, same
from pixgen.testing.options import check_options
from pixgen.testing.round_trip import check_round_trip, generator_settings
from pixgen.testing.subject import Subject, checking

PICTURES = ((3, "a fox"), (4, "a dog"))
"""(seed, prompt) of the batch."""

SIZES = ((32, 48), (24, 24))


def check_start(
    plugin: Start | type[Start] | str,
    options: Mapping[str, Any] | None = None,
    *,
    wrong: Iterable[Mapping[str, Any]] = (),
    generator: Generator | None = None,
) -> None:
    """Check that a start keeps its contract (`pixgen.contracts.Start`), on pictures of 48x32 and 24x24.

    That it gives params of one picture with the names and shapes of the generator's own, finite; the same for the same
    seed and attempt, whatever else is in the batch; every option is documented, and its values work or are refused; the
    global random state is left alone; the settings come back from a picture's metadata, and `again` gives the same
    bytes.

    generator: whose params it gives, for a start that asks for one; a toy otherwise. Other arguments as for
    `check_loss`. Raises AssertionError, whose line says what is wrong and how to mend it.
    """
    with checking("start", plugin, options) as subject:
        drawing = generator or toys.ToyGenerator()
        start: Start = subject.plugin()
        least = start.min_side
        whole = isinstance(least, int) and least >= 0
        subject.require(whole, f"its min_side is {least!r}", "write a whole number of pixels from 0")
        scene = toys.scene(PICTURES, generator=drawing)
        with subject.calling("prepare"):
            start.prepare(scene.session)
        sizes = [scene.rounded(size) for size in SIZES]
        found = [_first(subject, start, scene.session, 1, size) for size in sizes]
        again = _first(subject, start, scene.session, 1, sizes[0])
        mend = "draw everything random from session.streams[index].generator('start', attempt)"
        subject.require(same(found[0], again), "the same seed and attempt give other params", mend)
        _first(subject, start, scene.session, 0, sizes[0], attempt=1)
        alone = toys.scene(PICTURES[1:], generator=drawing).session
        with subject.calling("prepare"):
            start.prepare(alone)
        subject.require(
            same(found[0], _first(subject, start, alone, 0, sizes[0])),
            "in a batch a picture starts otherwise than alone",
            "read session.prompts[index] and session.streams[index] alone",
        )
        with subject.calling("known_words"):
            words = start.known_words("a fox in the snow")
        words_of = isinstance(words, set | frozenset) and all(isinstance(word, str) for word in words)
        subject.require(
            words_of, f"known_words returns a {type(words).__name__}", "return a set of words in lower case"
        )

        def use(other: Start) -> None:
            with subject.calling("prepare"):
                other.prepare(alone)
            _first(subject, other, alone, 0, sizes[0])

        check_options(subject, wrong, use)
        settings = {"start": {"type": subject.name, **subject.options}, **generator_settings(generator)}
        check_round_trip(subject, settings, generator)


def _first(subject: Subject, start: Start, session: Session, index: int, size: Size, attempt: int = 0) -> Params:
    with subject.calling("the start"):
        params = start(session, index, size, attempt)
    wanted = session.generator.init(size, session.streams[index])
    named = isinstance(params, dict) and params.keys() == wanted.keys()
    what = sorted(params) if isinstance(params, dict) else type(params).__name__
    names = f"give those of the generator, {sorted(wanted)}: session.generator.encode makes them of a picture"
    subject.require(named, f"its params are {what}", names)
    for name, value in wanted.items():
        require_float(subject, params[name], f"its {name}", tuple(value.shape))
        precise = params[name].dtype == value.dtype
        subject.require(precise, f"its {name} is of {params[name].dtype}", f"params are {value.dtype}")
    return params
