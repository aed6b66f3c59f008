"""What an image embedding is good for beside drawing: variations, morphs and edits (DALL-E 2, arXiv 2204.06125, 3).

A picture becomes two things: its codes, which say how it looks place by place, and its embedding, which says what it
shows. A variation keeps some of the codes and draws the others anew after the embedding; a morph goes from one
picture's codes and embedding to another's; an edit moves the embedding by the difference of two texts, and the codes
follow. Where steps are asked for, the loop goes on from there, towards the embedding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from pixgen import registry
from pixgen.backend.streams import Streams
from pixgen.backend.tensors import clamp
from pixgen.editing import masks
from pixgen.editing.refine import Callback, Composite, Made, refine
from pixgen.errors import UsageError
from pixgen.io.pictures import fit
from pixgen.networks.pair import PAIR_SIDE

if TYPE_CHECKING:
    from pixgen.networks.pair import Pair

FURTHEST = 0.5
"""How far towards a text difference an edit of strength 1 goes; DALL-E 2 goes 0.25 to 0.5 of the way (3.3)."""

SAME, PSNR = 0.97, 13.0
"""Below the one, cosine of the embeddings of a picture and its reconstruction, or the other, in decibel, a picture is
unlike the training's. Of 40 unseen scenes one lay lower (0.942, the next 0.971), of 40 by the hand that was held out
four; three photographs had 0.958, 0.969 and 0.977, white noise 10.8 dB."""


@dataclass(frozen=True)
class Sampling:
    """How the decoder draws. candidates: of which the one nearest to the embedding is kept."""

    candidates: int = 4
    temperature: float = 0.9
    top_k: int = 64
    guidance: float = 3.0


def slerp(a: Tensor, b: Tensor, share: float, dim: int = -1) -> Tensor:
    """The direction at `share` of the arc from a to b (Shoemake 1985), the length in between as well; any shapes."""
    lengths = a.norm(dim=dim, keepdim=True), b.norm(dim=dim, keepdim=True)
    a, b = F.normalize(a, dim=dim), F.normalize(b, dim=dim)
    angle = (a * b).sum(dim, keepdim=True).clamp(-1 + 1e-6, 1).acos()
    arc = ((1 - share) * angle).sin() * a + (share * angle).sin() * b
    straight = (1 - share) * a + share * b  # where the angle is too small to divide by its sine
    found = F.normalize(torch.where(angle < 1e-3, straight, arc), dim=dim)
    return found * torch.lerp(*lengths, share)


def vary(
    pair: Pair,
    picture: Tensor,
    count: int = 6,
    *,
    strength: float = 0.75,
    seed: int = 0,
    steps: int = 0,
    size: int = 256,
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Iterator[Made]:
    """Pictures of the same subject in the same style; variation i has seed + i (DALL-E 2, 3.1).

    picture: float32 (1, 3, H, W) in [0, 1], its middle square is used. strength: the share of places that are drawn
    anew, 0 gives the picture's own codes back, 1 leaves nothing but the embedding. steps: of the loop, up to `size`
    pixels; without them the pictures are of 128 x 128. callback: called with each of its steps; what the loop has
    reached where it returns False is the last variation.
    Raises UsageError for a strength outside 0 to 1.
    """
    require_strength(strength)
    square = fit(picture, (PAIR_SIDE, PAIR_SIDE))
    codes, embedding = pair.codes(square)[0], pair.embed(square)
    for number in range(seed, seed + count):
        streams = Streams(number)
        if strength == 0:
            yield Made(pair.decode(codes[None]), codes, number)
            continue
        anew = masks.random_places(strength, codes.shape[-1], streams.generator("places"))
        drawn = _draw(pair, embedding, square, codes, anew, streams, sampling or Sampling())
        best = _nearest(pair, drawn, embedding)
        if steps == 0:
            yield Made(pair.decode(best[None]), best, number)
        else:
            made = refine(pair, best, embedding, number, steps, size, callback=callback)
            yield made
            if made.steps < made.planned:
                return


def morph(
    pair: Pair,
    first: Tensor,
    last: Tensor,
    frames: int = 16,
    *,
    seed: int = 0,
    steps: int = 8,
    callback: Callback | None = None,
) -> Iterator[Made]:
    """From one picture to another, 128 x 128 each: latent and embedding both on the arc between (DALL-E 2, 3.2).

    first, last: float32 (1, 3, H, W) in [0, 1]; the first frame shows the one, the last the other. steps: of the loop
    for each frame between, all with the same random numbers, so that neighbours look alike. callback: as `vary` has it.
    Raises UsageError for fewer than two frames.
    """
    if frames < 2:
        raise UsageError(f"a morph of {frames} frame; it needs a first and a last one, so at least 2")
    squares = [fit(picture, (PAIR_SIDE, PAIR_SIDE)) for picture in (first, last)]
    ends = [pair.codes(square) for square in squares]
    latents = [pair.vqgan.codes(codes) for codes in ends]
    embeddings = [pair.embed(square) for square in squares]
    for i in range(frames):
        share = i / (frames - 1)
        if i in (0, frames - 1):
            codes = ends[i > 0]
        else:
            codes = pair.vqgan.quantize.nearest(slerp(latents[0], latents[1], share, dim=1))
        if steps == 0 or i in (0, frames - 1):
            yield Made(pair.decode(codes), codes[0], seed)
        else:
            target = slerp(embeddings[0], embeddings[1], share)
            made = refine(pair, codes[0], target, seed, steps, PAIR_SIDE, callback=callback)
            yield made
            if made.steps < made.planned:
                return


def edit(
    pair: Pair,
    picture: Tensor,
    text: str,
    before: str | None = None,
    *,
    strength: float = 0.5,
    mask: Tensor | None = None,
    seed: int = 0,
    steps: int = 40,
    size: int = 256,
    sampling: Sampling | None = None,
    callback: Callback | None = None,
) -> Made:
    """The picture changed from what `before` says to what `text` says (DALL-E 2, 3.3).

    The places that the difference of the texts looks at are drawn anew, as DiffEdit (arXiv 2210.11427) finds them;
    strength is their share, and how far the embedding moves. 0 gives the picture's own codes back. All else is the
    VQGAN's reconstruction of the middle square, at `size` pixels.
    mask: float32 (1, 1, H, W), as large as the picture; where it is 1 the picture may change, where it is 0 it is
    given back exactly, at its own size.
    Raises UsageError for a strength outside 0 to 1, and for a missing `before` where there is no mask.
    """
    require_strength(strength)
    if before is None and mask is None:
        raise UsageError('an edit needs to know what the picture shows: --from "a red apple" (or a --mask)')
    window = masks.window(mask) if mask is not None else masks.middle(picture)
    whole = window.cut(picture)
    square = F.interpolate(whole, size=(PAIR_SIDE, PAIR_SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    codes, embedding, streams = pair.codes(square)[0], pair.embed(square), Streams(seed)
    if strength == 0:
        return _unchanged(pair, picture, whole, mask, seed, size)

    target = edited(pair, embedding, text, before, strength, streams)
    grid, coloured = codes.shape[-1], _recoloured(pair, square, target)
    if mask is not None:
        changing = window.cut(mask)
        anew = F.adaptive_max_pool2d(changing, grid)[0, 0] > 0
    else:
        seen = _attention(pair, pair.decode(codes[None]), target - embedding, streams)
        moved = (coloured - square).norm(dim=1, keepdim=True)
        anew = masks.largest(seen / seen.max().clamp(min=1e-8) + moved / moved.max().clamp(min=1e-8), strength, grid)
        changing = anew.float()[None, None]
    found = torch.stack((codes, torch.where(anew, pair.codes(coloured)[0], codes)))
    if "decoder" in vars(pair) or pair.path("tokens").is_file():  # the loop can do without one
        drawn = _draw(pair, target, square, codes, anew, streams, sampling or Sampling())
        found = torch.cat((found, drawn))
    best = _nearest(pair, found, target)
    composite = Composite(pair, whole, changing, exact=mask is not None)
    if steps == 0:
        made = Made(composite(pair.decode(best[None])), best, seed)
    else:
        filters = {"mask": composite}
        made = refine(pair, best, target, seed, steps, size, pull=1 - strength, filters=filters, callback=callback)
    if mask is None:
        return replace(made, codes=composite.codes(made.codes))
    return replace(made, image=window.paste(made.image, picture, mask))


def edited(pair: Pair, embedding: Tensor, text: str, before: str | None, strength: float, streams: Streams) -> Tensor:
    """The embedding (1, D) of a picture after its edit: moved along the difference of the texts.

    Without `before` it moves to what the prior makes of `text`; where there is no prior, to the text's embedding moved
    across the modality gap.
    """
    if before is None:
        if "prior" in vars(pair) or pair.path("prior").is_file():
            goal = pair.text_to_image_embedding([text], 1, streams.generator("prior"))
        else:
            goal = pair.perceptor.image_target(pair.perceptor.encode_text([text]))
        return slerp(embedding, goal.to(embedding), strength)
    new, old = pair.perceptor.encode_text([text, before])[:, None]
    if torch.equal(new, old):
        raise UsageError(f"{text!r} and --from {before!r} mean the same to this perceptor; there is nothing to change")
    return slerp(embedding, F.normalize(new - old, dim=-1), FURTHEST * strength)


def is_unlike(pair: Pair, picture: Tensor) -> bool:
    """Whether a picture, float32 (1, 3, H, W) in [0, 1], is unlike anything the pair learnt from.

    Then its codes show something else than the picture does: the perceptor or the eye tells the two apart.
    """
    square = fit(picture, (PAIR_SIDE, PAIR_SIDE))
    shown = pair.decode(pair.token_codes(square))
    same = float(pair.embed(square)[0] @ pair.embed(shown)[0])
    psnr = -10 * float((shown - square).square().mean().clamp(min=1e-10).log10())
    return same < SAME or psnr < PSNR


def require_strength(strength: float) -> None:
    """Raises UsageError for a strength outside 0 to 1."""
    if not 0 <= strength <= 1:
        raise UsageError(f"strength {strength:g} is outside 0 (as it is) to 1 (all of it anew)")


def _unchanged(pair: Pair, picture: Tensor, whole: Tensor, mask: Tensor | None, seed: int, size: int) -> Made:
    square = F.interpolate(whole, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
    codes = pair.vqgan.quantize.nearest(pair.vqgan.encode(square))
    image = picture if mask is not None else pair.vqgan.decode(pair.vqgan.codes(codes)).clamp(0, 1)
    return Made(image, codes[0], seed)


def _draw(
    pair: Pair,
    embedding: Tensor,
    square: Tensor,
    codes: Tensor,
    anew: Tensor,
    streams: Streams,
    sampling: Sampling,
) -> Tensor:
    """Candidates, int64 (n, h, w): the codes of the picture `square`, with those `anew` drawn after the embedding."""
    drawn = pair.from_embedding(
        embedding,
        sampling.candidates,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        guidance=sampling.guidance,
        generator=streams.generator("candidates"),
        known=pair.token_codes(square)[0],
        mask=anew,
    )
    return torch.where(anew, drawn, codes)


def _nearest(pair: Pair, codes: Tensor, embedding: Tensor) -> Tensor:
    """Of code grids (n, h, w) the one whose picture is most like the embedding (1, D)."""
    likeness = pair.embed(pair.decode(codes)) @ embedding[0]
    return codes[int(likeness.argmax())]


def _recoloured(pair: Pair, square: Tensor, target: Tensor, steps: int = 40) -> Tensor:
    """The picture (1, 3, S, S) with the one affine map of its colours that brings it nearest to an embedding (1, D).

    Twelve numbers cannot draw, so they cannot cheat the perceptor either: colours are changed before all else.
    """
    identity = torch.eye(3, 4, device=square.device)
    matrix = identity.clone().requires_grad_()
    small = F.interpolate(square, size=(pair.perceptor.input_size,) * 2, mode="bilinear", antialias=True)
    optimizer = torch.optim.Adam([matrix], lr=0.05)
    with torch.enable_grad():
        for _ in range(steps):
            near = (pair.perceptor.encode_image(_colours(small, matrix)) * target).sum()
            optimizer.zero_grad()
            (0.005 * (matrix - identity).square().sum() - near).backward()
            optimizer.step()
    return _colours(square, matrix.detach())


def _colours(images: Tensor, matrix: Tensor) -> Tensor:
    """An affine map (3, 4) of (r, g, b, 1) of every pixel."""
    return clamp(torch.einsum("ij,bjhw->bihw", matrix[:, :3], images) + matrix[:, 3, None, None])


def _attention(pair: Pair, image: Tensor, direction: Tensor, streams: Streams, views: int = 16) -> Tensor:
    """Where a picture (1, 3, S, S) would have to change for its embedding to move so: gradient norms (1, 1, S, S)."""
    with torch.enable_grad():
        image = image.detach().requires_grad_()
        cutter = registry.create("cutter", {"type": "warp", "whole": 0.5})
        plan = cutter.plan((PAIR_SIDE, PAIR_SIDE), views, pair.perceptor.input_size, 0, [streams], "attention")
        seen = pair.perceptor.encode_image(cutter.cut(image, plan)[0])
        (gradient,) = torch.autograd.grad((seen * direction).sum(), image)
    norms: Tensor = gradient.norm(dim=1, keepdim=True)
    return norms
