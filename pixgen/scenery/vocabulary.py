"""The words of scenes, in English and Brazilian Portuguese: styles, places, colours, and what a teacher teaches.

What the perceptor was trained on: `captions` writes with these words (training captions), `synonyms` adds more that
mean the same, and `reader` parses prompts with both. The names of subjects are in `subjects.csv`.
"""

from __future__ import annotations

# style: (nouns that go before "of", words that go after a comma), each by language
STYLE_WORDS: dict[str, tuple[list[str], list[str], list[str], list[str]]] = {
    "drawing": (
        ["a drawing", "an illustration", "a picture", "clip art", "an icon"],
        ["flat drawing", "illustration", "clip art"],
        ["um desenho", "uma ilustração", "uma figura"],
        ["desenho", "ilustração"],
    ),
    "watercolor": (
        ["a watercolor", "a watercolor painting", "a watercolour", "a watercolor picture"],
        ["watercolor", "in watercolor", "watercolor style"],
        ["uma aquarela", "uma pintura em aquarela"],
        ["em aquarela", "aquarela"],
    ),
    "oil": (
        ["an oil painting", "an oil picture", "an oil on canvas", "a painting"],
        ["oil painting", "in oil", "oil on canvas"],
        ["uma pintura a óleo", "um óleo", "uma pintura"],
        ["a óleo", "pintura a óleo", "em óleo"],
    ),
    "pencil": (
        ["a pencil sketch", "a pencil drawing", "a sketch"],
        ["pencil sketch", "in pencil", "sketch"],
        ["um esboço a lápis", "um desenho a lápis", "um esboço"],
        ["a lápis", "esboço a lápis"],
    ),
    "ink": (
        ["an ink drawing", "a line drawing", "an ink sketch"],
        ["ink", "in ink", "line art"],
        ["um desenho a nanquim", "um desenho a tinta"],
        ["a nanquim", "nanquim", "em tinta"],
    ),
    "neon": (
        ["a neon sign", "a neon drawing", "a neon picture"],
        ["neon", "in neon lights", "neon style"],
        ["um letreiro de neon", "um desenho em neon"],
        ["em neon", "neon"],
    ),
    "pixel-art": (
        ["pixel art", "a pixel art picture", "an 8-bit picture"],
        ["pixel art", "8-bit", "#pixelart"],
        ["uma pixel art", "um desenho em pixel art"],
        ["em pixel art", "pixel art"],
    ),
    "black-and-white": (
        ["a black and white photo", "a black and white picture", "a monochrome picture"],
        ["black and white", "monochrome", "in black and white"],
        ["uma foto em preto e branco", "uma imagem em preto e branco"],
        ["em preto e branco"],
    ),
    "sepia": (
        ["an old photograph", "a sepia photo", "a vintage photo"],
        ["sepia", "vintage", "old photograph"],
        ["uma fotografia antiga", "uma foto em sépia"],
        ["em sépia", "fotografia antiga"],
    ),
    "pastel": (
        ["a pastel drawing", "a pastel", "a soft pastel picture"],
        ["pastel", "in pastel colors", "soft pastel"],
        ["um desenho em pastel", "um pastel"],
        ["em pastel", "em tons pastel"],
    ),
    "poster": (
        ["a poster", "a screen print", "a pop art poster"],
        ["poster", "pop art", "screen print"],
        ["um cartaz", "um pôster"],
        ["pop art", "cartaz"],
    ),
    "mosaic": (
        ["a mosaic", "a tile mosaic", "a roman mosaic"],
        ["mosaic", "in mosaic tiles"],
        ["um mosaico", "um mosaico de azulejos"],
        ["em mosaico", "mosaico"],
    ),
    "stained-glass": (
        ["a stained glass window", "stained glass", "a stained glass picture"],
        ["stained glass"],
        ["um vitral", "uma janela de vitral"],
        ["em vitral", "vitral"],
    ),
    "comic": (
        ["a comic", "a comic book drawing", "a cartoon"],
        ["comic book style", "cartoon", "comic"],
        ["um quadrinho", "um desenho de quadrinhos"],
        ["em quadrinhos", "estilo quadrinhos"],
    ),
    "blueprint": (
        ["a blueprint", "a technical drawing"],
        ["blueprint", "technical drawing"],
        ["uma planta técnica", "um desenho técnico"],
        ["desenho técnico"],
    ),
    "chalk": (
        ["a chalk drawing", "a chalk sketch"],
        ["chalk", "in chalk"],
        ["um desenho a giz", "um esboço a giz"],
        ["a giz", "em giz"],
    ),
}

PLACE_WORDS: dict[str, tuple[list[str], list[str]]] = {
    "sky": (["in the sky", "under a blue sky"], ["no céu", "sob um céu azul"]),
    "sea": (["at sea", "on the sea", "in the ocean"], ["no mar", "no oceano"]),
    "hills": (["on green hills", "in the hills", "in a meadow"], ["nas colinas", "em um prado"]),
    "mountains": (["in the mountains", "over mountains"], ["nas montanhas", "sobre montanhas"]),
    "room": (["in a room", "at home", "indoors"], ["em uma sala", "em casa"]),
    "night": (["at night", "in the moonlight", "under the stars"], ["à noite", "sob as estrelas"]),
    "forest": (["in a forest", "in the woods"], ["na floresta", "no bosque"]),
    "snow": (["in the snow", "in winter"], ["na neve", "no inverno"]),
    "desert": (["in the desert", "on sand dunes"], ["no deserto", "nas dunas"]),
    "beach": (["on the beach", "by the sea"], ["na praia", "à beira-mar"]),
    "city": (["in the city", "on a street"], ["na cidade", "na rua"]),
    "sunset": (["at sunset", "at sunrise"], ["ao pôr do sol", "ao nascer do sol"]),
    "space": (["in space", "among the stars"], ["no espaço", "entre as estrelas"]),
    "blackboard": (
        ["in front of a blackboard", "at the blackboard"],
        ["em frente a um quadro-negro", "no quadro-negro"],
    ),
}

UNCOUNTED = {
    "bacon", "badminton", "bread", "broccoli", "butter", "cheese", "confetti", "corn", "curry", "curry rice",
    "dynamite", "fire", "fog", "french bread", "garlic", "ginger", "honey", "ice", "juice", "lettuce", "lightning",
    "luggage", "mail", "maize", "meat", "milk", "money", "music", "nail polish", "paella", "pasta", "ping pong",
    "popcorn", "rain", "ramen", "rice", "salt", "snow", "soap", "sushi", "tempura", "thread", "toilet paper", "wheat",
    "wind", "wood", "yarn", "yerba mate", "yoga"
}  # fmt: skip
"""English names without an article: mass nouns."""

# name: (rgb, Portuguese masculine, feminine)
COLOURS: dict[str, tuple[tuple[float, float, float], str, str]] = {
    "red": ((0.87, 0.13, 0.14), "vermelho", "vermelha"),
    "orange": ((0.98, 0.55, 0.10), "laranja", "laranja"),
    "yellow": ((0.98, 0.85, 0.15), "amarelo", "amarela"),
    "green": ((0.20, 0.65, 0.25), "verde", "verde"),
    "blue": ((0.15, 0.38, 0.85), "azul", "azul"),
    "purple": ((0.52, 0.20, 0.70), "roxo", "roxa"),
    "pink": ((0.98, 0.52, 0.72), "rosa", "rosa"),
    "brown": ((0.48, 0.30, 0.16), "marrom", "marrom"),
    "black": ((0.08, 0.08, 0.09), "preto", "preta"),
    "white": ((0.97, 0.97, 0.97), "branco", "branca"),
    "grey": ((0.55, 0.55, 0.57), "cinza", "cinza"),
}

FIELDS: dict[str, tuple[str, str]] = {  # what a teacher teaches: (in English, in Portuguese)
    "book": ("literature", "literatura"),
    "computer": ("computer science", "informática"),
    "blackboard": ("mathematics", "matemática"),
    "guitar": ("music", "música"),
    "microscope": ("biology", "biologia"),
    "globe": ("geography", "geografia"),
    "palette": ("art", "arte"),
}

FIELD_PROPS = {"computer": "laptop", "globe": "earth"}  # a field of study whose prop is a subject of another name

PORTRAIT_FIELDS: dict[str, tuple[str, str]] = {
    **FIELDS,
    "flask": ("chemistry", "química"),
    "ball": ("physical education", "educação física"),
}
"""What a teacher in a portrait teaches: these have a prop or a place that we draw ourselves."""
