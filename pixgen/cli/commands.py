"""The commands of `pixgen`, by name. Imports nothing, so that every part of the command line may read it."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "again": "Draws a picture again from its own metadata, changed as you say.",
    "vary": "Draws more pictures of what a picture shows.",
    "morph": "Turns one picture into another: a strip and a video.",
    "edit": "Changes a picture by words, all of it or inside a mask.",
    "batch": "Draws a list of prompts; killed or stopped, it goes on where it was.",
    "report": "Means, intervals and paired differences of a list's scores.",
    "show": "Says how a picture was made, or prints the settings of a run.",
    "presets": "Lists the named looks.",
    "plugins": "Lists the losses, filters, generators ... and their options.",
    "train": "Makes and measures the models that pixgen draws with, from nothing.",
    "models": "Lists, fetches, checks and converts checkpoints, and chooses the default ones.",
    "doctor": "Says what is installed, what works, and what to do where it does not.",
    "completion": "Prints what makes your shell complete pixgen's words.",
}
"""Each command's one line of help. `name` is the click command of that name in `pixgen/cli/name.py`.

A first argument that is not among these is a prompt, and goes to `pixgen.cli.draw`.
"""

COMPLETE = "_PIXGEN_COMPLETE"
"""The shell sets this variable when it asks what could come next (see `pixgen completion`)."""
