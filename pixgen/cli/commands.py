"""The table of `pixgen`'s commands. Imports nothing, so that every part of the command line may read it."""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "again": "Draw a picture again from its metadata, with or without changes.",
    "vary": "Draw variations of a picture.",
    "morph": "Morph one picture into another: a strip and a video.",
    "edit": "Edit a picture by text, as a whole or inside a mask.",
    "classify": "Say which of some labels fits each picture, with probabilities.",
    "search": "Find the pictures of a folder that match a text or another picture.",
    "rank": "Order pictures by how well they match a text.",
    "describe": "Describe pictures as prompts that draw them again.",
    "ui": "Draw in the browser, on this machine and without internet.",
    "explain": "Show how a picture came: steps, losses, cutouts, codes, and what CLIP sees.",
    "batch": "Draw a list of prompts; run it again to resume.",
    "report": "Compare the scores of a batch: means, intervals, paired differences.",
    "import-pixray": "Turn settings or a picture of Pixray into settings of pixgen.",
    "import-vqgan-clip": "Turn a command line of VQGAN-CLIP into settings of pixgen.",
    "show": "Show how a picture was made, or the settings of a run and their sources.",
    "presets": "List the presets and what they set.",
    "plugins": "List the losses, filters, generators, ... and their options.",
    "train": "Train and evaluate pixgen's own models from scratch.",
    "models": "List, download, verify and convert checkpoints, and choose the defaults.",
    "bundle": "Make a folder from which pixgen is installed without the internet.",
    "doctor": "Check the installation and say how to fix what fails.",
    "completion": "Print the completion script of a shell.",
}
"""Each command's one line of help. `name` is the click command of that name in `pixgen/cli/name.py`.

A first argument that is not among these is a prompt, and goes to `pixgen.cli.draw`.
"""

COMPLETE = "_PIXGEN_COMPLETE"
"""The variable by which the shell asks for completions (see `pixgen completion`)."""
