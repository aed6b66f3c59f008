"""Adds codes to a VQGAN, behind those that its token decoder models. Nothing is trained.

The latents of scenes are clustered with the codes that are there held fixed, so that pictures are encoded more finely
while encoder, decoder, and all that was learnt of the first codes stay as they are. Codes that were added before are
made anew.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from pixgen.errors import UsageError
from pixgen.io import terminal
from pixgen.networks import store, vqgan
from pixgen.training.codebook import Codes
from pixgen.training.data.scenes import Scenes
from pixgen.training.options import ALL_SUBJECTS, BaseOptions, Cache, Option, Seed, parse
from pixgen.training.reconstruction import measure
from pixgen.training.vqgan import unit_rows

SIDES = (128, 256)
"""Of the scenes in pixels, alternating."""
BATCH = 8
SHARE = 0.25
"""Of a batch's latents so many are clustered, so that they come from more scenes."""
VALIDATION = 24
"""Unseen scenes that are reconstructed before and after."""


@dataclass(frozen=True, kw_only=True)
class Options(BaseOptions):
    """Of the codes."""

    out: Annotated[Path, Option("the file to write, vqgan.safetensors in a folder of its own", positional=True)]
    cache: Cache
    vqgan: Annotated[Path, Option("Weights of the VQGAN to add them to.", "FILE")]
    codes: Annotated[int, Option("Codes in all, those that are there included.", minimum=1, toy=2048)] = 16_384
    each: Annotated[int, Option("Latents of scenes that are clustered, for each code.", minimum=1, toy=2)] = 24
    portraits: Annotated[float, Option("Share of scenes that are people drawn by a program.", minimum=0)] = 0.25
    seed: Seed = 0


@torch.no_grad()
def extended(model: vqgan.VQModel, codes: int, latents: Tensor) -> vqgan.VQModel:
    """The same network with so many codes in all: those for the token decoder as they are, the others made anew.

    latents: (M, embed_dim), unit. Raises UsageError where there are fewer of them than codes.
    """
    kept = model.quantize.embedding.weight[: model.token_codes]
    if len(latents) < codes:
        raise UsageError(f"{len(latents)} latents for {codes} codes; give a larger --each")
    network = vqgan.VQModel({**model.config, "n_embed": codes, "token_codes": len(kept)})
    whole = Codes(codes, kept.shape[1]).extend(model.quantize.codebook[: len(kept)], latents)
    whole[: len(kept)] = kept  # to the bit
    network.load_state_dict({**model.state_dict(), store.CODEBOOK: whole})
    return network.eval().requires_grad_(False)


def main(options: Options) -> None:
    """Add the codes and write the network.

    Raises UsageError where there are no drawings or no codes to add, PixgenError for weights that cannot be used.
    """
    began = time.time()
    torch.manual_seed(options.seed)
    about = store.about(options.vqgan)
    facts: dict[str, Any] = {name: about[name] for name in ("crops", "seed") if name in about}
    model = vqgan.load(options.vqgan)
    if model.quantize.kind != "unit":
        raise UsageError(f"{options.vqgan} has no codes of unit length; only such can be added to")
    if options.codes <= model.token_codes:
        raise UsageError(f"--codes {options.codes} adds none: the token decoder has {model.token_codes} of its own")
    found: list[Tensor] = []
    scenes = [
        Scenes(options.cache, BATCH, side, options.seed + 110 + i, ALL_SUBJECTS, noise=0.0, portraits=options.portraits)
        for i, side in enumerate(SIDES)
    ]
    step = 0
    while sum(map(len, found)) < options.codes * options.each:
        for one in scenes:
            with torch.no_grad():
                rows = unit_rows(model.encode(one[step].images))
            found.append(rows[torch.randperm(len(rows))[: round(SHARE * len(rows))]])
        step += 1
    network = extended(model, options.codes, torch.cat(found))
    unseen = Scenes(options.cache, VALIDATION, SIDES[1], options.seed + 200, ALL_SUBJECTS, noise=0.0)[0].images
    before, after = (measure(each, unseen, False)[0] for each in (model, network))
    store.save(network, options.out, **facts, **after)
    said = {"codes": options.codes, "of_the_token_decoder": network.token_codes, "before": before, "after": after}
    terminal.write(json.dumps({**said, "seconds": round(time.time() - began, 1)}))


if __name__ == "__main__":
    terminal.run(lambda: main(parse(Options)))
