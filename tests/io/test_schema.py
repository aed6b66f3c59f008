"""What plain data is checked against type hints, and how it is told."""

from __future__ import annotations

import pickle

from pixgen.io.schema import OptionError


def test_an_option_error_comes_whole_from_a_worker_process() -> None:
    error = OptionError("losses.warm.weight", "losses.warm.weight is 'x'")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.key, str(again)) == (OptionError, error.key, str(error))
