"""A person as named parts, and the words for these parts in English and Brazilian Portuguese.

`read` finds the parts that a prompt asks for; `phrases_of` says parts that a picture shows. Both use one table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache

from pixgen.scenery import synonyms

SEXES = ("male", "female")
AGES = ("child", "young", "adult", "old")
SKINS = ("light", "brown", "dark")
HAIRS = ("short", "bob", "long", "bun", "curly", "bald", "balding")
HAIR_COLOURS = ("black", "brown", "blond", "red", "grey", "white")
HEADWEAR = ("hat", "cap", "winter-hat", "hijab", "turban")
BEARDS = ("beard", "moustache")
GLASSES = ("glasses", "sunglasses")
EXPRESSIONS = ("smiling", "serious", "laughing", "sad", "angry")
CLOTHES = ("t-shirt", "shirt", "sweater", "hoodie", "jacket", "coat", "dress")
CLOTHES_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey")


@dataclass(frozen=True)
class Person:
    """One person, every part chosen.

    avatar_set: who draws it, a key of `portrait_parts.AVATAR_SETS`. headwear, beard and glasses: empty for none.
    hair: "" where headwear hides it. skin and hair_colour: "" where the avatar set draws ink on paper.
    look: which of the drawings of each part; two people of different looks differ in details that no word names.
    """

    avatar_set: str
    sex: str
    age: str
    skin: str
    hair: str
    hair_colour: str
    headwear: str
    beard: str
    glasses: str
    expression: str
    clothes: str
    clothes_colour: str
    look: int = 0


PARTS = tuple(f.name for f in fields(Person) if f.name not in ("avatar_set", "look"))
"""What words can ask for."""

# -- words -------------------------------------------------------------------------------------------------

_PERSON_EN = "man|woman|person|boy|girl|child|kid|lady|guy|teacher|professor|student|scientist|artist|singer|doctor"
_PERSON_PT = "homem|mulher|pessoa|menino|menina|garoto|garota|crianca|senhor|senhora|professora?|estudante|alun[oa]"
_PERSON_PT += "|cientista|artista|cantora?|medic[oa]|programadora?"
_TONES = {"dark": "black|dark|african", "brown": "brown|tan|tanned", "light": "white|fair|pale|light"}
_TONES_PT = {"dark": "negr[oa]|pret[oa]|escur[oa]", "brown": "pard[oa]|moren[oa]", "light": "branc[oa]|clar[oa]"}
_HAIR_EN = {
    "black": "black|dark",
    "brown": "brown|chestnut",
    "blond": "blonde?|fair|golden|yellow",
    "red": "red|ginger|auburn",
    "grey": "gr[ea]y|silver",
    "white": "white",
}
_HAIR_PT = {
    "black": "pretos?|negros?|escuros?",
    "brown": "castanhos?|marrom",
    "blond": "loiros?|louros?",
    "red": "ruivos?|vermelhos?",
    "grey": "grisalhos?|cinzas?|prateados?",
    "white": "brancos?",
}
_ANY_HAIR = "|".join((*_HAIR_EN.values(), "long|short|curly|straight|wavy"))
_ANY_HAIR_PT = "|".join((*_HAIR_PT.values(), "compridos?|longos?|curtos?|cacheados?|crespos?|lisos?|ondulados?"))
_HAIR = rf"(?:(?:{_ANY_HAIR})[ ,]+(?:and )?)*"
_CABELO = rf"cabelos?(?:[ ,]+(?:e )?(?:{_ANY_HAIR_PT}))*"

_GARMENTS = {  # kind: (English, Portuguese); of several that are named the first is what is seen
    "coat": ("lab coat|white coat", "jaleco|avental branco"),
    "jacket": ("jacket|blazer|suit", "paleto|terno|blazer|jaqueta"),
    "dress": ("dress", "vestido"),
    "hoodie": ("hoodie", "moletom"),
    "sweater": ("sweater|jumper|pullover|turtleneck", "sueter|blusa de la"),
    "t-shirt": ("t-shirt|tshirt|tee", "camiseta"),
    "shirt": ("(?:checkered |plaid )?shirt|blouse", "camisa|blusa"),
}
_COLOURS_PT = {
    "red": "vermelh[oa]", "orange": "laranja", "yellow": "amarel[oa]", "green": "verde", "blue": "azul",
    "purple": "rox[oa]", "pink": "rosa", "brown": "marrom", "black": "pret[oa]", "white": "branc[oa]", "grey": "cinza",
}  # fmt: skip

# In each part: value -> pattern, over a text in small letters without accents. What comes first goes before.
_PATTERNS: dict[str, dict[str, str]] = {
    "glasses": {
        "": r"(?:without|no|sem) (?:glasses|spectacles|oculos)",
        "sunglasses": r"sunglasses|oculos (?:escuros|de sol)",
        "glasses": r"(?:eye)?glasses(?! of)|spectacles|oculos|bespectacled",
    },
    "beard": {
        "": r"clean[- ]shaven|beardless|(?:without|no|sem) (?:a )?(?:beard|barba)|de barba feita",
        "beard": r"beard(?:ed)?|barba|barbudo|barbado",
        "moustache": r"mou?stached?|bigode|bigodudo",
    },
    "headwear": {
        "": r"(?:without|no|sem) (?:a )?(?:hat|cap|chapeu|bone|gorro)",
        "hijab": r"hijab|head ?scarf|veil(?:ed)?|veu|lenco na cabeca",
        "turban": r"turban(?:ed)?|turbante",
        "winter-hat": r"winter hat|beanie|woolly hat|gorro|touca",
        "cap": r"cap|baseball cap|bone",
        "hat": r"hat|chapeu",
    },
    "hair": {
        "bald": r"bald|hairless|(?:no|without|sem) (?:hair|cabelo)|careca|calv[oa]",
        "bun": r"(?:hair )?bun|coque",
        "curly": rf"{_HAIR}(?:curly|afro|frizzy)(?:[ -]{_HAIR}hair(?:ed)?)?|afro|{_CABELO}(?: e)? (?:cachead|cresp)os?",
        "bob": r"bob(?: cut)?|(?:shoulder|chin)[- ]length hair|chanel",
        "long": rf"(?:{_HAIR}long[ -]{_HAIR}hair(?:ed)?)|{_CABELO} (?:comprido|longo)s?|cabelud[oa]",
        "short": rf"(?:{_HAIR}short[ -]{_HAIR}hair(?:ed)?)|{_CABELO} curtos?",
    },
    "hair_colour": {
        **{c: rf"(?:{w})[ -]{_HAIR}hair(?:ed)?|{_CABELO} (?:{_HAIR_PT[c]})" for c, w in _HAIR_EN.items()},
    },
    "skin": {
        t: rf"(?:{w})[ -]skin(?:ned)?|pele (?:{_TONES_PT[t]})"
        rf"|(?:{w}) (?:{_PERSON_EN})|(?:{_PERSON_PT}) (?:{_TONES_PT[t]})"
        for t, w in _TONES.items()
    },
    "expression": {
        "laughing": r"laughing|rindo|gargalhando",
        "smiling": r"smiling|happy|cheerful|joyful|with a smile|sorridente|sorrindo|feliz|alegre",
        "serious": r"serious|stern|seri[oa]",
        "sad": r"sad|unhappy|triste",
        "angry": r"angry|furious|zangad[oa]|brav[oa]|irritad[oa]",
    },
    "clothes": {kind: f"{en}|{pt}" for kind, (en, pt) in _GARMENTS.items()},
    "age": {
        "child": r"boy|girl|child|kid|toddler|menin[oa]|garot[oa]|crianca",
        "adult": r"middle[- ]aged|mature|de meia[- ]idade|madur[oa]",
        "old": r"old|elderly|aged|senior|grand(?:father|mother|pa|ma)|idos[oa]|velh[oa]|velhinh[oa]|anci[ao]|avo",
        "young": r"young|youthful|teenage[rd]?|jove[mn]s?|adolescente|rapaz|moca",
    },
    "sex": {
        "female": r"female|(?:business|police)?woman|women|lady|girl|grandmother|grandma|mother|queen|princess|actress"
        r"|mulher(?:es)?|senhora|menina|rainha|princesa|atriz|garota|moca|feminin[oa]|mae|velha|idosa|velhinha|anci",
        "male": r"male|(?:business|police|fire|fisher)?man|men|gentleman|guy|boy|grandfather|grandpa|father|king|prince"
        r"|homem|homens|senhor|menino|garoto|rapaz|masculin[oa]|pai|rei",
    },
}
# A colour of hair by a word of its own.
_BY_NAME = {
    "blond": r"blonde?|loir[oa]|lour[oa]",
    "red": r"red[- ]?head(?:ed)?|ginger|ruiv[oa]",
    "grey": r"gr[ea]y[- ]haired|grisalh[oa]",
}
# Of a beard, when nothing is said of hair.
_BEARD_COLOURS = {c: rf"(?:{w}) (?:beard|mou?stache)" for c, w in _HAIR_EN.items()}
_BEARD_COLOURS_PT = {
    c: rf"(?:barba|bigode)s? (?:{w.replace('os?', '[oa]')})" for c, w in _HAIR_PT.items()
}  # fmt: skip
_HEAD_ENDS = re.compile(
    r"\b(?:with|holding|wearing|carrying|in front of|playing|com|segurando|usando|de frente|em frente)\b"
)
_OLD_PHOTOGRAPH = re.compile(
    r"\b(?:old|aged) (?:(?:oil|ink|pencil|pastel|sepia|black|and|white|faded|vintage|family|colou?r) )*"
    r"(?:photo|photograph|picture|film|painting|drawing|postcard|poster)\b"
)
_PORTUGUESE = {"um", "uma", "de", "do", "da", "com", "em", "no", "na", "e"}


@cache
def _compiled() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    def whole(pattern: str) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w])")

    patterns = {part: [(value, whole(p)) for value, p in values.items()] for part, values in _PATTERNS.items()}
    for more in (_BY_NAME, _BEARD_COLOURS, _BEARD_COLOURS_PT):
        patterns["hair_colour"] += [(value, whole(p)) for value, p in more.items()]
    patterns["age"].insert(0, ("young", whole("teenage[rd]?|adolescente")))  # a teenage boy is no child
    for kind, (english, portuguese) in _GARMENTS.items():
        patterns[kind] = [
            (c, whole(rf"(?:{'gr[ea]y' if c == 'grey' else c})[ -](?:{english})|(?:{portuguese}) (?:{words})"))
            for c, words in _COLOURS_PT.items()
        ]
    return patterns


def bare(text: str) -> str:
    """In small letters without accents."""
    return synonyms.bare(text.lower())


def read(text: str, feminine: frozenset[str] = frozenset(), masculine: frozenset[str] = frozenset()) -> dict[str, str]:
    """The parts of a person that a text asks for: part -> value, "" where it asks for none of it.

    feminine, masculine: further words that tell a sex, as `professora` does; those of a man count in Portuguese alone,
    where `professor` is one. Nothing is raised: what is not understood is not among the parts.
    """
    said = _OLD_PHOTOGRAPH.sub("photograph", bare(text))
    if re.search(r"\bavó\b", synonyms.normal(text)):  # the accent alone tells her from him
        said += " mulher"
    ends = _HEAD_ENDS.search(said)
    head = said[: ends.start()] if ends else said  # an old book makes nobody old
    found: dict[str, str] = {}
    for part in _PATTERNS:
        _find(part, part, head if part in ("age", "sex") else said, found)
    if "clothes" in found:
        _find("clothes_colour", found["clothes"], said, found)
    words = set(re.findall(r"\w+", head))
    if "sex" not in found and words & {bare(w) for w in feminine}:
        found["sex"] = "female"
    if "sex" not in found and words & {bare(w) for w in masculine} and set(re.findall(r"\w+", said)) & _PORTUGUESE:
        found["sex"] = "male"
    if found.get("headwear") == "hijab":
        found.setdefault("sex", "female")
    if found.get("beard"):
        found.setdefault("sex", "male")
    return found


def _find(part: str, table: str, text: str, found: dict[str, str]) -> None:
    """Note the first value of a table of patterns that the text has."""
    for value, pattern in _compiled()[table]:
        if pattern.search(text):
            found[part] = value
            return


# -- saying ------------------------------------------------------------------------------------------------

_COLOUR_ADJECTIVES = {  # of hair: (English, Portuguese)
    "black": ("black", "preto"), "brown": ("brown", "castanho"), "blond": ("blond", "loiro"),
    "red": ("red", "ruivo"), "grey": ("grey", "grisalho"), "white": ("white", "branco"),
}  # fmt: skip
_WITH: dict[str, tuple[str, str]] = {  # what comes after "with" and "com"
    "beard": ("a beard", "barba"),
    "moustache": ("a moustache", "bigode"),
    "glasses": ("glasses", "óculos"),
    "sunglasses": ("sunglasses", "óculos escuros"),
    "hat": ("a hat", "um chapéu"),
    "cap": ("a cap", "um boné"),
    "winter-hat": ("a winter hat", "um gorro"),
    "hijab": ("a hijab", "um hijab"),
    "turban": ("a turban", "um turbante"),
    "bun": ("a bun", "um coque"),
    "dark": ("dark skin", "pele escura"),
    "brown": ("brown skin", "pele morena"),
    "light": ("light skin", "pele clara"),
}
_ADJECTIVES: dict[str, tuple[str, str, str]] = {  # English; Portuguese of a man and of a woman
    "bald": ("bald", "careca", "careca"),
    "balding": ("bald", "careca", "careca"),
    "smiling": ("smiling", "sorridente", "sorridente"),
    "serious": ("serious", "sério", "séria"),
    "laughing": ("laughing", "rindo", "rindo"),
    "sad": ("sad", "triste", "triste"),
    "angry": ("angry", "zangado", "zangada"),
}
_HAIR_WORDS = {"short": ("short", "curto"), "long": ("long", "comprido"), "curly": ("curly", "cacheado")}
_GARMENT_WORDS: dict[str, tuple[str, str, bool]] = {  # English, Portuguese, whether this is feminine
    "t-shirt": ("t-shirt", "camiseta", True),
    "shirt": ("shirt", "camisa", True),
    "sweater": ("sweater", "suéter", False),
    "hoodie": ("hoodie", "moletom", False),
    "jacket": ("jacket", "paletó", False),
    "coat": ("lab coat", "jaleco", False),
    "dress": ("dress", "vestido", False),
}


def adjective(person: Person, part: str, portuguese: bool, feminine: bool) -> str:
    """A part as an adjective, such as `smiling`; "" where the part is told otherwise or not at all."""
    words = _ADJECTIVES.get(getattr(person, part), ("", "", ""))
    return words[1 + feminine] if portuguese else words[0]


def companion(person: Person, part: str, portuguese: bool) -> str:
    """A part as what comes after `with`, such as `long black hair`; "" where it is told otherwise or not at all."""
    value = getattr(person, part)
    if part == "hair" and value in _HAIR_WORDS:
        shape, colour = _HAIR_WORDS[value], _COLOUR_ADJECTIVES.get(person.hair_colour)
        words = [shape[portuguese], *([colour[portuguese]] if colour else [])]
        return " ".join(["cabelo", *words] if portuguese else [*words, "hair"])
    if part == "hair_colour" and value and person.hair not in ("", "bald"):
        colour = _COLOUR_ADJECTIVES[value]
        return f"cabelo {colour[1]}" if portuguese else f"{colour[0]} hair"
    return _WITH[value][portuguese] if part not in ("expression", "clothes") and value in _WITH else ""


def garment(person: Person, colours: dict[str, tuple[str, str]], portuguese: bool) -> str:
    """What somebody wears, such as `a red sweater`; colours: name -> its Portuguese, masculine and feminine."""
    english, name, feminine = _GARMENT_WORDS[person.clothes]
    if person.clothes == "coat":  # a lab coat is white
        return name if portuguese else f"a {english}"
    colour = person.clothes_colour
    if portuguese:
        return f"{name} {colours[colour][feminine]}"
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {english}"
