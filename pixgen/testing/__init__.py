"""For tests of pixgen and of plugins: checks of every kind of plugin, and small stand-ins with random weights.

A check takes a plugin's name, class or instance, and raises AssertionError with a line that says what is wrong and how
to mend it. The stand-ins need no file and no download; importing this package registers perceptor.toy and
generator.toy.
"""

from __future__ import annotations

from pixgen.testing.generators import check_generator
from pixgen.testing.toys import ToyGenerator, ToyPerceptor, scene

__all__ = ["ToyGenerator", "ToyPerceptor", "check_generator", "scene"]
