"""What English and Portuguese phrases mean in a prompt, except the names of subjects: read by `reader` alone.

`phrases` joins the words of `vocabulary`, which training captions use, with more that people type for the same
meaning. The tables here are never written into a caption.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from pixgen.scenery import svg_drawings
from pixgen.scenery.vocabulary import COLOURS, FIELDS, PLACE_WORDS, STYLE_WORDS

_ARTICLES = {"a", "an", "the", "um", "uma", "o", "os", "as"}
_CONTRACTED = dict.fromkeys(("do", "da", "dos", "das"), "de")
_CONTRACTED |= dict.fromkeys(("no", "na", "nos", "nas", "num", "numa"), "em")
_CONTRACTED |= dict.fromkeys(("ao", "às", "aos"), "à")
_MANNERS = {"lapis", "oleo", "giz", "nanquim", "tinta", "noite", "esquerda", "direita", "beira"}
"""Before these words `a` is the Portuguese preposition, typed without its accent, and not the English article."""
_PORTUGUESE = {
    "um",
    "uma",
    "de",
    "do",
    "da",
    "dos",
    "das",
    "com",
    "em",
    "no",
    "na",
    "à",
    "ao",
    "e",
    "dois",
    "duas",
    "três",
}
SMALL_WORDS = set(re.findall(r"\w+", """
    of de and e with com in on at em to by for from is are que para por it this that very my his her some
"""))  # fmt: skip
"""Function words, ignored where they stand alone."""

_MORE_STYLE_WORDS = {
    "watercolor": ("watercolour painting", "watercolour", "watercolor portrait"),
    "oil": ("oil", "oils", "óleo", "óleo sobre tela", "pintura em óleo"),
    "pencil": ("pencil drawing of", "pencil portrait", "desenho a lápis"),
    "ink": ("ink portrait", "inked", "tinta nanquim"),
    "pixel-art": ("pixelart", "pixel", "8bit"),
    "black-and-white": ("monochrome photo", "preto e branco", "b w"),
    "sepia": ("sépia", "vintage photo"),
    "comic": ("comics", "história em quadrinhos", "hq"),
    "blueprint": ("planta baixa",),
    "drawing": ("photo", "photograph", "image", "foto", "fotografia", "imagem", "drawing", "desenho"),
}
_CLOSEUP = ("closeup", "close up", "portrait", "headshot", "close", "retrato", "retrato em close", "em close")
_PREPOSITIONS = (
    *("in", "on", "at", "under", "over", "by", "near", "through", "among", "against", "into", "with", "in front of"),
    *("em", "sob", "sobre", "à", "entre", "em frente a", "em frente à", "em frente de", "diante de"),
)
_PLACE_NOUNS = {
    "sky": ("sky", "blue sky", "clouds", "air", "céu", "céu azul", "nuvens"),
    "sea": ("sea", "ocean", "water", "sea water", "mar", "oceano", "água"),
    "hills": (
        "hills",
        "hill",
        "green hills",
        "field",
        "green field",
        "grass",
        "colinas",
        "colina",
        "morro",
        "campo",
        "grama",
    ),
    "mountains": ("mountains", "mountain", "montanhas", "montanha", "serra"),
    "room": ("room", "house", "living room", "sala", "casa", "sala de estar"),
    "night": (
        "night",
        "night sky",
        "dark night",
        "starry night",
        "starry sky",
        "moonlight",
        "noite",
        "céu noturno",
        "céu estrelado",
        "noite estrelada",
        "céu de noite",
        "luar",
    ),
    "forest": ("forest", "dark forest", "woods", "floresta", "bosque", "mata"),
    "snow": ("snow", "winter", "neve", "inverno"),
    "desert": ("desert", "dunes", "sand", "deserto", "dunas"),
    "beach": ("beach", "shore", "praia", "areia"),
    "city": ("city", "street", "road", "cityscape", "skyline", "cidade", "rua", "estrada"),
    "sunset": ("sunset", "sunrise", "dawn", "dusk", "pôr do sol", "nascer do sol", "entardecer", "amanhecer"),
    "space": ("space", "outer space", "universe", "espaço", "universo"),
    "blackboard": ("blackboard", "chalkboard", "quadro negro", "lousa", "quadro"),
}
MORE_SUBJECT_NAMES = {
    "woman": ("lady", "dama", "senhora"),
    "man": ("guy", "gentleman", "cavalheiro", "senhor"),
    "police-officer": ("police", "cop", "polícia"),
    "car": ("vehicle", "automobile", "veículo", "automóvel"),
    "couch": ("furniture", "armchair", "mobília", "móvel", "poltrona"),
}
"""Subject group of a bank -> what people call it besides."""
_NO_SCENE = {"air", "house", "casa", "winter", "inverno"}
"""Nouns that are a place behind a preposition alone: `in a house`, but `a house` is a thing."""
_MORE_COLOURS = {
    "red": ("crimson", "scarlet"),
    "orange": ("alaranjado", "alaranjada"),
    "yellow": ("golden", "gold", "dourado", "dourada"),
    "blue": ("light blue", "dark blue", "azul claro", "azul escuro", "azuis"),
    "green": ("light green", "dark green", "verde claro", "verde escuro"),
    "purple": ("violet", "violeta", "lilás"),
    "pink": ("cor de rosa",),
    "brown": ("marrons", "castanho", "castanha"),
    "grey": ("gray", "cinzento", "cinzenta"),
}
_RELATIONS = {
    "left": ("to the left of", "on the left of", "left of", "à esquerda de"),
    "right": ("to the right of", "on the right of", "right of", "à direita de"),
    "above": ("above", "over", "on top of", "acima de", "sobre", "em cima de"),
    "below": ("below", "under", "beneath", "underneath", "abaixo de", "embaixo de", "debaixo de", "sob"),
    "on": ("on", "sitting on", "standing on", "riding", "em", "montado em", "montada em", "sentado em", "sentada em"),
    "front": ("in front of", "em frente a", "em frente à", "em frente de", "na frente de", "inside", "in", "dentro de"),
    "behind": ("behind", "atrás de"),
    "and": ("and", "e", "next to", "beside", "near", "ao lado de", "perto de", "versus", "vs"),
    "with": ("with", "holding", "carrying", "playing", "com", "segurando", "tocando", "wearing", "usando"),
}
_GROUNDS = [("", " background"), *((f"{word} ", " background") for word in ("on", "with", "against"))]
_GROUNDS += [("fundo ", ""), *((f"{word} fundo ", "") for word in ("em", "com", "sobre"))]
_COUNTS = {
    2: ("two", "2", "dois", "duas", "a pair of", "a couple of", "um par de"),
    3: ("three", "3", "três", "several", "many", "vários", "várias", "muitos", "muitas"),
    4: ("four", "4", "quatro", "five", "5", "cinco", "six", "6", "seis"),
}
_AGES = {
    "young": ("young", "jovem", "jovens", "youthful"),
    "old": ("old", "elderly", "aged", "idoso", "idosa", "velho", "velha", "senior"),
}
_SEXES = {
    "male": ("male", "man", "masculino", "homem"),
    "female": ("female", "woman", "feminina", "feminino", "mulher"),
}
_FIELDS = {
    "book": ("history", "english", "portuguese", "história", "português", "inglês", "letters", "letras", "philosophy"),
    "computer": ("computing", "programming", "computação", "programação", "ciência da computação"),
    "blackboard": ("maths", "math", "physics", "física"),
    "microscope": ("science", "chemistry", "ciências", "química"),
}


def phrases() -> dict[str, Mapping[str, Iterable[str]]]:
    """All phrases that describe subjects or scenes: kind -> value -> the phrases that mean it."""
    styles: dict[str, list[str]] = {
        style: [w for words in lists for w in words] + list(_MORE_STYLE_WORDS.get(style, ()))
        for style, lists in STYLE_WORDS.items()
    }
    drawn = svg_drawings.places()
    inside = {name: [*_PLACE_NOUNS.get(name, ()), *(drawn[name].en + drawn[name].pt if name in drawn else ())]
              for name in dict.fromkeys((*_PLACE_NOUNS, *drawn))}  # fmt: skip
    taught = {tuple(tokens(w)) for lists in PLACE_WORDS.values() for words in lists for w in words}
    places = {
        place: [
            *(w for words in PLACE_WORDS.get(place, ()) for w in words),
            # Phrases of the vocabulary take precedence: `by the sea` is the beach.
            *(w for before in _PREPOSITIONS for noun in nouns if tuple(tokens(w := f"{before} {noun}")) not in taught),
        ]
        for place, nouns in inside.items()
    }
    scenes = {name: [noun for noun in inside[name] if noun not in _NO_SCENE] for name in drawn}
    colours = {
        name: dict.fromkeys((name, male, female, male + "s", female + "s", *_MORE_COLOURS.get(name, ())))
        for name, (_, male, female) in COLOURS.items()
    }
    grounds = {
        name: [before + colour + after for colour in words for before, after in _GROUNDS]
        for name, words in colours.items()
    }
    fields = {name: [*FIELDS[name], *_FIELDS.get(name, ())] for name in FIELDS}
    small = {"small": ("small", "little", "tiny", "pequeno", "pequena", "pequenos", "pequenas")}
    counts = {str(n): said for n, said in _COUNTS.items()}
    return {
        "style": styles,
        "place": places,
        "scene": scenes,
        "ground": grounds,
        "colour": colours,
        "closeup": {"closeup": _CLOSEUP},
        "relation": _RELATIONS,
        "count": counts,
        "age": _AGES,
        "sex": _SEXES,
        "field": fields,
        "small": small,
    }


def normal(text: str) -> str:
    """Lower case, with accents composed (Unicode NFC)."""
    return unicodedata.normalize("NFC", text.lower())


def tokens(text: str) -> list[str]:
    """Lower-case words without articles; commas are tokens, Portuguese contractions become their preposition."""
    return [word for word, _, _ in placed_tokens(normal(text))]


def placed_tokens(text: str) -> list[tuple[str, int, int]]:
    """The `tokens` of a `normal` text, each with its start and end position in the text."""
    found = list(re.finditer(r"[^\W_]+|,", text))
    kept = []
    for match, following in zip(found, [*(m.group() for m in found[1:]), ""], strict=False):
        word = match.group()
        word = "à" if word == "a" and bare(following) in _MANNERS else _CONTRACTED.get(word, word)
        if word not in _ARTICLES:
            kept.append((word, *match.span()))
    return kept


def is_portuguese(text: str) -> bool:
    """Whether a text has any Portuguese function word."""
    return not _PORTUGUESE.isdisjoint(re.findall(r"[^\W_]+", text.lower()))


def bare(word: str) -> str:
    """A word without its accents, as many people type."""
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
