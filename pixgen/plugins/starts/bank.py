"""The default start: composes drawings of the bank as the prompt says.

`pixgen.scenery.reader` parses the prompt, `pixgen.scenery.bank` holds the drawings, and `pixgen.scenery.compose` lays
them out, recolours them and adds place and style; this file picks the drawings and joins the three.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from pixgen import registry
from pixgen.backend.tensors import Size
from pixgen.contracts import Params, Session, Start
from pixgen.errors import PixgenError, UsageError
from pixgen.io import paths
from pixgen.io.pictures import fit, read
from pixgen.models import zoo
from pixgen.networks.store import files_in
from pixgen.prompts.grammar import Prompt
from pixgen.registry import register
from pixgen.scenery import prompt_portraits, svg_drawings
from pixgen.scenery.bank import DRAWING_SIDE, NETWORK_FILES, Bank, load_bank
from pixgen.scenery.compose import LARGEST_SIDE, compose, cut_out, layout, recoloured
from pixgen.scenery.portrait_scenes import Portrait
from pixgen.scenery.reader import ELDERS, ParsedScene, ParsedThing, Reader
from pixgen.scenery.vocabulary import COLOURS, FIELD_PROPS

log = logging.getLogger(__name__)

NEARLY_SQUARE = (0.8, 1.25)
"""Height by width of a picture in which a portrait keeps its head; others are composed of the bank's drawings."""


@dataclass
class _PicturePlan:
    """What to draw for one picture: its parsed prompts, and for each thing the bank entries to
    choose from, none for what pixgen draws itself."""

    reading: ParsedScene
    choices: list[tuple[ParsedThing, list[int]]]
    text: str = ""


@register("start", "bank")
@dataclass
class BankStart(Start):
    """Composes drawings of the bank that the prompts name: side by side, in a place, in a style.

    Prompts are parsed in English and Portuguese, with the vocabulary that the pair was trained on; an unknown subject
    gets the drawing nearest to its words in the perceptor's embedding space. Negative prompts are ignored.
    """

    min_side: ClassVar[int] = DRAWING_SIDE // 2

    folder: str = ""
    """Folder of bank.safetensors and of the perceptor and VQGAN it was made with; empty for those that ship."""
    top: int = 4
    """Number of the best drawings of a subject that attempts choose from, at least 1."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the picture (values 0 to 1) before it is encoded; at least 0."""
    portraits: bool = False
    """Compose a prompt of one or two people as a portrait of named parts, with another person for every seed."""

    _bank: Bank | None = field(init=False, repr=False, compare=False, default=None)
    _reader: Reader | None = field(init=False, repr=False, compare=False, default=None)
    _perceptor: Any = field(init=False, repr=False, compare=False, default=None)
    _vqgan: Any = field(init=False, repr=False, compare=False, default=None)
    _plans: list[_PicturePlan] = field(init=False, repr=False, compare=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.top < 1:
            raise ValueError(f"top is {self.top}; it must be at least 1")
        if self.noise < 0:
            raise ValueError(f"noise is {self.noise}; it must be at least 0")

    def files(self) -> list[str]:
        """The bank and its networks, unless they are those that ship with pixgen."""
        return files_in(self.folder, ("bank", "perceptor", "vqgan"))

    def prepare(self, session: Session) -> None:
        """Load the bank and read the prompts.

        Raises UsageError when the folder has no bank or a picture among the prompts cannot be read, PixgenError when
        the bank is damaged or was made with other networks.
        """
        folder = paths.written(self.folder) if self.folder else None
        if folder is not None and not folder.is_dir():
            raise UsageError(f"start.folder is {self.folder!r}; give the folder that holds bank.safetensors")
        self._bank = load_bank(folder)
        self._perceptor = _shared(
            session.perceptors.values(), "perceptor", "tiny", path=_within(folder, "perceptor", ""), session=session
        )
        self._vqgan = _shared(
            [session.generator], "generator", "vqgan", model=_within(folder, "vqgan", zoo.EMBEDDED), session=session
        )
        self._require_fit(self._bank)
        self._reader = Reader(dict(self._bank.subjects) if self.folder else readable(self._bank))
        with torch.no_grad():
            self._plans = [self._plan(prompts, session.phrases, self._reader) for prompts in session.prompts]

    def known_words(self, text: str) -> set[str]:
        return self._reader.known_words(text) if self._reader else set()

    @torch.no_grad()
    def __call__(self, session: Session, index: int, size: Size, attempt: int) -> Params:
        if self._bank is None:
            self.prepare(session)
        assert self._bank is not None
        plan, streams = self._plans[index], session.streams[index]
        random = streams.generator("start", attempt)
        if (portrait := self._portrait(plan, streams.seed + attempt, size)) is not None:
            picture = prompt_portraits.compose(portrait, plan.reading.style, size, random)
            return session.generator.encode(self._noisy(picture, random).to(session.device))
        chosen = {}
        for number, (thing, found) in enumerate(plan.choices):
            if not (best := found[: self.top]):  # pixgen draws it itself
                continue
            # Every drawing is tried once before any is repeated, in an order that depends on the picture's seed.
            order = torch.randperm(len(best), generator=streams.generator(f"start/{number}")).tolist()
            chosen[id(thing)] = best[order[attempt % len(best)]]
        codes = self._bank.codes[list(chosen.values())].to(session.device)
        whole = size == (DRAWING_SIDE, DRAWING_SIDE)
        plain = self._is_plain(plan) and self._vqgan is session.generator and whole
        if plain and attempt < len(plan.choices[0][1][: self.top]):
            made: Params = self._vqgan.of_codes(codes)
            return made
        sprites, rows = [], {}
        if chosen:
            images = self._vqgan.decode({"latent": self._vqgan.network.codes(codes)}).cpu().float()
            cut = cut_out(images, self._bank.masks[list(chosen.values())])
            rows = dict(zip(chosen, cut, strict=True))
        for placed in layout(plan.reading, self._people()):
            thing = placed.thing
            sprite = rows[id(thing)] if id(thing) in rows else svg_drawings.sprite(str(thing.group), LARGEST_SIDE)
            sprites.append((placed, recoloured(sprite, COLOURS[thing.colour][0]) if thing.colour else sprite))
        picture = compose(plan.reading, sprites, size, random)
        return session.generator.encode(self._noisy(picture, random).to(session.device))

    def _require_fit(self, bank: Bank) -> None:
        codes, dim = len(self._vqgan.network.quantize.codebook), self._perceptor.dim
        if int(bank.codes.max()) >= codes or bank.images.shape[1] != dim:
            raise PixgenError(
                f"the bank of drawings in {self.folder or 'pixgen'} does not fit the networks there, of {codes:,} "
                f"codes and embeddings of {dim} numbers; make it again with `python -m pixgen.training.bank`"
            )

    def _portrait(self, plan: _PicturePlan, seed: int, size: Size) -> Portrait | None:
        """The portrait that the prompts ask for; None where they ask for something else."""
        assert self._bank is not None
        if not (self.portraits and plan.text and NEARLY_SQUARE[0] <= size[0] / size[1] <= NEARLY_SQUARE[1]):
            return None
        return prompt_portraits.portrait(plan.reading, plan.text, seed, self._bank.subjects)

    def _noisy(self, picture: Tensor, random: torch.Generator) -> Tensor:
        if self.noise <= 0:
            return picture
        return (picture + self.noise * torch.randn(picture.shape, generator=random)).clamp(0, 1)

    def _people(self) -> set[str]:
        assert self._bank is not None
        return {group for group, subject in self._bank.subjects.items() if subject["kind"] == "person"}

    def _is_plain(self, plan: _PicturePlan) -> bool:
        """Whether one unchanged drawing is all that was asked for, so that its codes can be used directly."""
        reading = plan.reading
        if (
            len(plan.choices) != 1
            or not plan.choices[0][1]
            or self.noise
            or reading.place
            or reading.ground
            or reading.closeup
        ):
            return False
        thing = reading.things[0]
        return reading.style == "drawing" and thing.colour is None and thing.count == 1

    # -- what to draw --------------------------------------------------------------------------------------

    def _plan(self, prompts: Sequence[Prompt], phrases: Sequence[str], reader: Reader) -> _PicturePlan:
        """Parse the prompts, heaviest first; a style phrase of the preset counts where they name no style."""
        assert self._bank is not None
        reading = ParsedScene()
        choices: list[tuple[ParsedThing, list[int]]] = []
        heaviest = sorted((p for p in prompts if p.weight > 0), key=lambda p: -p.weight)
        for prompt in heaviest:
            for thing, found in self._read(prompt, reader, reading):
                choices.append((thing, found))
        for phrase in phrases:
            reading.style = reader.read(phrase).style if reading.style == "drawing" else reading.style
        pictures = any(p.kind == "image" for p in heaviest)
        return _PicturePlan(reading, choices, "" if pictures else ", ".join(p.text for p in heaviest))

    def _read(self, prompt: Prompt, reader: Reader, into: ParsedScene) -> list[tuple[ParsedThing, list[int]]]:
        """Parse one prompt into the scene of the heavier ones; its things with the bank entries that match."""
        assert self._bank is not None
        if prompt.kind == "image":
            side = self._perceptor.input_size
            image = fit(read(prompt.source, size=(side, side)), (side, side)).to(self._perceptor.device)
            thing = ParsedThing(prompt.text)
            found = [self._of_one_group(self._bank.nearest(self._perceptor.encode_image(image)[0].cpu()))]
            return self._add(into, ParsedScene([thing]), found)
        said = reader.read(prompt.text)
        if not said.things and (said.rest or not (said.place or into.things)):
            said.things.append(ParsedThing(" ".join(said.rest) or prompt.text))
        said.things = [self._complete(thing, said) for thing in said.things]
        everything = [t for thing in said.things for t in (thing, *thing.holds)]
        return self._add(into, said, [self._entries(thing, prompt.text) for thing in everything])

    def _add(self, into: ParsedScene, said: ParsedScene, found: list[list[int]]) -> list[tuple[ParsedThing, list[int]]]:
        assert self._bank is not None
        everything = [t for thing in said.things for t in (thing, *thing.holds)]
        kept = []
        for thing, entries in zip(everything, found, strict=True):
            best = self._bank.entries[entries[0]] if entries else None
            if best is None:
                kept.append((thing, entries))
            elif best.place:  # the best match is a place: it is drawn behind everything, not cut out
                said.place = said.place or best.place
                said.things = [t for t in said.things if t is not thing]
            else:
                thing.group = thing.group or best.group
                kept.append((thing, entries))
        into.things += said.things
        into.relation = into.relation or said.relation
        into.place, into.light = into.place or said.place, into.light or said.light
        into.ground = into.ground or said.ground
        into.style = said.style if into.style == "drawing" else into.style
        into.closeup = into.closeup or said.closeup
        return kept

    def _complete(self, thing: ParsedThing, said: ParsedScene) -> ParsedThing:
        """A teacher's subject adds its prop, or a blackboard as the place."""
        assert self._bank is not None
        prop = FIELD_PROPS.get(thing.field or "", thing.field)
        if prop == "blackboard":
            said.place = said.place or "blackboard"
        elif prop in self._bank.subjects and not thing.holds:
            thing.holds.append(ParsedThing(prop, prop))
        return thing

    def _entries(self, thing: ParsedThing, text: str) -> list[int]:
        assert self._bank is not None
        if thing.group in svg_drawings.things() and thing.group not in self._bank.subjects:
            return []
        embedding = self._perceptor.encode_text([thing.said])[0].cpu().float()
        colour = COLOURS[thing.colour][0] if thing.colour else None
        if thing.group is None:
            found = self._of_one_group(self._bank.find(thing, embedding, colour))
            if not self._perceptor.unknown_words(text):  # of those the perceptor warns already
                shown = self._bank.entries[found[0]]
                log.warning("the bank has no drawing of %r; it begins from %s", thing.said, shown.place or shown.group)
            return found
        elders = [g for sex, g in ELDERS.items() if thing.sex in (None, sex) and g in self._bank.subjects]
        if thing.age == "old" and thing.group in self._people() and elders:
            lists = []
            for group in elders:
                elder = copy.copy(thing)
                elder.group = group
                lists.append(self._bank.find(elder, embedding, colour))
            return [entry for turn in zip(*lists, strict=False) for entry in turn]
        found = self._suiting(thing, self._bank.find(thing, embedding, colour))
        if not found and thing.group not in svg_drawings.things():
            raise PixgenError(
                f"the bank of drawings in {self.folder or 'pixgen'} names {thing.group!r} and has no drawing of it; "
                "make it again with `python -m pixgen.training.bank`"
            )
        return found

    def _suiting(self, thing: ParsedThing, found: list[int]) -> list[int]:
        """Only entries of the requested sex, if there are any."""
        assert self._bank is not None
        right = [i for i in found if thing.sex and self._bank.entries[i].sex == thing.sex]
        return right or found

    def _of_one_group(self, found: list[int]) -> list[int]:
        assert self._bank is not None
        first = self._bank.entries[found[0]]
        return [i for i in found if (e := self._bank.entries[i]).group == first.group and e.place == first.place]


def _within(folder: Path | None, network: str, embedded: str) -> str:
    return embedded if folder is None else str(folder / NETWORK_FILES[network])


def _shared(present: Any, kind: str, name: str, session: Session, **options: str) -> Any:
    """The session's plugin, if it is this one with these options; else a new one, prepared on the device."""
    for plugin in present:
        if type(plugin) is registry.get(kind, name) and all(getattr(plugin, k) == v for k, v in options.items()):
            return plugin
    plugin = registry.create(kind, {"type": name, **options}, f"start.{kind}")
    plugin.prepare(session.device)
    return plugin


def readable(bank: Bank) -> dict[str, dict[str, Any]]:
    """The subjects that the start can draw with a bank, as `Reader` takes them: our own things, and the bank's."""
    return {**{name: thing.names() for name, thing in svg_drawings.things().items()}, **bank.subjects}
