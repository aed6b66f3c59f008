"""Which parts of each avatar set's drawings make a person: chosen by eye from the definitions of dicebear-styles.

Left out on purpose: hearts for eyes, vomit, fangs, monsters, masks, eye patches. Nothing here is tied to a profession.
A test holds every name and value against the style's own definition, for dicebear ignores unknown ones silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Options = dict[str, str | int]
Table = dict[str, tuple["Part", ...]]


@dataclass(frozen=True)
class Part:
    """Drawings of one part. options: of dicebear. sexes: whom it suits, when sex is not a part's own matter.

    inked: drawn in the colour of the lines, so that it suits black hair alone.
    """

    options: tuple[tuple[str, str | int], ...]
    sexes: str = "mf"
    inked: bool = False


@dataclass(frozen=True)
class AvatarSet:
    """One way of drawing people.

    crown, chin: heights of the skull's top and of the chin, as shares of the square canvas. face, body: left and right
    border of the face, and of the body at the lower border. eyes: centres of the eyes and half their distance's radius.
    colours: which options take the colour of skin, hair and clothes. fixed: options that never change.
    """

    style: str
    crown: float
    chin: float
    face: tuple[float, float]
    body: tuple[float, float]
    eyes: tuple[float, float, float, float]
    colours: dict[str, tuple[str, ...]]
    fixed: Options
    hair: Table
    headwear: Table
    beard: Table
    glasses: Table
    expression: Table
    clothes: Table
    nose: tuple[Part, ...] = ()
    outline: str = ""
    """Colour of the lines, where the avatar set draws any."""
    ages: tuple[str, ...] = ("young", "adult", "old")
    old_women: tuple[str, ...] = ()
    """Kinds of hair that old women have unasked, where grey locks beside a face would look like a beard."""
    beards: float = 1.0
    """How much more often its men have beards: where faces of both sexes are alike, they tell one from the other."""
    moods: tuple[str, ...] = ("laughing",)
    """Expressions that nobody need ask for, besides smiling and serious."""
    own: tuple[str, ...] = ()
    """What we add to the drawings: glasses, wrinkles, shoulders, or a hem below the collar."""
    wrinkled: dict[str, Part] = field(default_factory=dict)
    """By component: what an old person has in its place."""
    skin: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Shades in place of SKIN: one avatar set makes faces lighter than they were asked for."""


def each(
    component: str, *variants: str, sexes: str = "mf", inked: bool = False, also: Options | None = None
) -> tuple[Part, ...]:
    """One part for each variant of a component, shown for certain."""
    chosen: list[Options] = [
        {f"{component}Variant": v, f"{component}Probability": 100, **(also or {})} for v in variants
    ]
    return tuple(Part(tuple(o.items()), sexes, inked) for o in chosen)


def one(sexes: str = "mf", **options: str | int) -> tuple[Part, ...]:
    """One part of several options."""
    return (Part(tuple(options.items()), sexes),)


def numbered(component: str, numbers: str, sexes: str = "mf", inked: bool = False) -> tuple[Part, ...]:
    """Variants that have numbers for names: `variant01`."""
    return each(component, *(f"variant{n}" for n in numbers.split()), sexes=sexes, inked=inked)


def _faces(eyes: str, brows: str, mouths: str) -> tuple[Part, ...]:
    """Every mouth with the eyes and brows in turn."""
    e, b = eyes.split(), brows.split()
    found = []
    for i, mouth in enumerate(mouths.split()):
        found.append(
            Part((("eyesVariant", e[i % len(e)]), ("eyebrowsVariant", b[i % len(b)]), ("mouthVariant", mouth)))
        )
    return tuple(found)


SKIN = {
    "light": ("#ffdbb4", "#f5cba7", "#edb98a"),
    "brown": ("#d08b5b", "#c68642", "#b97a50"),
    "dark": ("#8d5524", "#6b4230", "#5c3829"),
}
HAIR = {
    "black": ("#1f1a17", "#2c1b18"),
    "brown": ("#5b3a29", "#724133"),
    "blond": ("#e3bf6a", "#d6a848"),
    "red": ("#b5471f", "#a63c14"),
    "grey": ("#9b9b9f", "#8c9096"),
    "white": ("#eceae6", "#e4e4e8"),
}
CLOTHES = {
    "red": ("#d23f3f", "#b93030"),
    "orange": ("#ee8a33", "#e07b28"),
    "yellow": ("#f0c541", "#e8b730"),
    "green": ("#3f9a5a", "#2f7f56"),
    "blue": ("#3c6fd0", "#2f5aa8"),
    "purple": ("#8150b8", "#6d3fa3"),
    "pink": ("#ee86b0", "#e26d9f"),
    "brown": ("#8a5a3a", "#7a4d30"),
    "black": ("#2a2d34", "#33363d"),
    "white": ("#f4f4f2", "#ecebe8"),
    "grey": ("#8d949c", "#7c838b"),
}
COAT = "#f7f7f7"
FRAMES = "#262e33"
"""Colour of glasses, where an avatar set lets it be chosen."""

_NONE = "Probability"

AVATAAARS = AvatarSet(
    "avataaars", 0.12, 0.655, (0.30, 0.70), (0.145, 0.855), (0.41, 0.59, 0.40, 0.075),
    {"skin": ("skinColor",), "hair": ("hairColor", "facialHairColor"), "clothes": ("clothesColor",),
     "hat": ("hatColor",)},
    {f"accessories{_NONE}": 0, f"facialHair{_NONE}": 0, "accessoriesColor": FRAMES, "noseVariant": "default",
     "clothesGraphicVariant": "diamond"},
    hair={
        "short": (*each("top", "shortFlat", "shortRound", "shortWaved", "theCaesar", "theCaesarAndSidePart", sexes="m"),
                  *each("top", "shaggy", "shaggyMullet", sexes="f")),
        "bob": each("top", "bob", "longButNotTooLong", "miaWallace", sexes="f"),
        "long": (*each("top", "straight01", "straight02", "straightAndStrand", "curvy", sexes="f"),
                 *each("top", "dreads", "straight02", sexes="m")),
        "bun": each("top", "bun"),
        "curly": (*each("top", "shortCurly", "fro", "dreads02", sexes="m"), *each("top", "curly", "fro", sexes="f")),
        "bald": one(topProbability=0),
        "balding": each("top", "sides", sexes="m"),
    },
    headwear={
        "hat": each("top", "hat"),
        "winter-hat": each("top", "winterHat02", "winterHat03", "winterHat1"),
        "hijab": each("top", "hijab"),
        "turban": each("top", "turban"),
    },
    beard={
        "beard": each("facialHair", "beardLight", "beardMedium", "beardMajestic"),
        "moustache": each("facialHair", "moustacheFancy", "moustacheMagnum"),
    },
    glasses={
        "glasses": each("accessories", "prescription01", "prescription02", "round"),
        "sunglasses": each("accessories", "sunglasses", "wayfarers"),
    },
    expression={
        "smiling": _faces("default default happy", "defaultNatural default raisedExcitedNatural",
                          "smile twinkle twinkle"),
        "serious": _faces("default", "defaultNatural default", "serious serious"),
        "laughing": _faces("happy", "raisedExcitedNatural default", "smile"),
        "sad": _faces("default", "sadConcernedNatural sadConcerned", "sad sad"),
        "angry": _faces("default squint", "angryNatural angry", "serious grimace"),
    },
    clothes={
        "t-shirt": (*each("clothes", "shirtCrewNeck", "shirtVNeck"), *each("clothes", "shirtScoopNeck", sexes="f")),
        "sweater": each("clothes", "collarAndSweater"),
        "hoodie": each("clothes", "hoodie"),
        "jacket": each("clothes", "blazerAndShirt", "blazerAndSweater"),
        "coat": each("clothes", "blazerAndShirt"),
    },
    ages=("child", "young", "adult", "old"), own=("wrinkles",),
)  # fmt: skip

_BACK = {"rearHairProbability": 0}


def _toon(front: str, rear: str, sexes: str) -> tuple[Part, ...]:
    return each("hair", front, sexes=sexes, also={"rearHairVariant": rear, "rearHairProbability": 100})


TOON_HEAD = AvatarSet(
    "toon-head", 0.15, 0.765, (0.29, 0.71), (0.20, 0.80), (0.41, 0.59, 0.525, 0.085),
    {"skin": ("skinColor",), "hair": ("hairColor",), "clothes": ("clothesColor",)},
    {f"beard{_NONE}": 0, f"rearHair{_NONE}": 0, "bodyVariant": "body", "headVariant": "head", "strokeColor": "#000000"},
    hair={
        "short": each("hair", "sideComed", "undercut", "spiky", sexes="m", also=dict(_BACK)),
        "bob": (*_toon("sideComed", "neckHigh", "f"), *_toon("sideComed", "shoulderHigh", "f")),
        "long": (*_toon("sideComed", "longStraight", "f"), *_toon("sideComed", "longWavy", "f")),
        "bun": each("hair", "bun", sexes="f", also=dict(_BACK)),
        "bald": one(hairProbability=0, rearHairProbability=0),
    },
    headwear={},
    beard={
        "beard": each("beard", "fullBeard", "longBeard"),
        "moustache": each("beard", "moustacheTwirl"),
    },
    glasses={"glasses": (Part(()),)},  # our own lines
    expression={
        "smiling": _faces("happy", "neutral raised", "smile smile"),
        "serious": _faces("happy", "neutral", "sad"),
        "laughing": _faces("happy bow", "happy raised", "laugh laugh"),
        "sad": _faces("happy humble", "sad", "sad sad"),
        "angry": _faces("happy", "angry", "angry"),
    },
    clothes={
        "t-shirt": each("clothes", "tShirt"),
        "sweater": each("clothes", "turtleNeck"),
        "jacket": each("clothes", "openJacket", "shirt"),
        "coat": each("clothes", "shirt"),
        "dress": each("clothes", "dress", sexes="f"),
    },
    ages=("child", "young", "adult", "old"), own=("glasses", "wrinkles"), beards=2.2,
)  # fmt: skip

PERSONAS = AvatarSet(
    "personas", 0.18, 0.735, (0.28, 0.72), (0.22, 0.78), (0.40, 0.60, 0.445, 0.08),
    {"skin": ("skinColor",), "hair": ("hairColor", "facialHairColor"), "clothes": ("clothingColor",)},
    {f"facialHair{_NONE}": 0},
    hair={
        "short": each("hair", "shortCombover", "shortComboverChops", "buzzcut", "fade", sexes="m"),
        "bob": each("hair", "bobBangs", "bobCut", sexes="f"),
        "long": each("hair", "long", "extraLong", sexes="f"),
        "bun": each("hair", "bunUndercut", sexes="m"),
        "curly": (*each("hair", "curlyHighTop", sexes="m"), *each("hair", "curly", sexes="f")),
        "bald": each("hair", "bald"),
        "balding": each("hair", "balding", sexes="m"),
    },
    headwear={"winter-hat": each("hair", "beanie")},
    beard={
        "beard": each("facialHair", "beardMustache"),
        "moustache": each("facialHair", "walrus", "pyramid"),
    },
    glasses={"glasses": one(eyesVariant="glasses"), "sunglasses": one(eyesVariant="sunglasses")},
    expression={
        "smiling": (*one(eyesVariant="open", mouthVariant="smile"), *one(eyesVariant="happy", mouthVariant="smile"),
                    *one(eyesVariant="open", mouthVariant="smirk")),
        "laughing": one(eyesVariant="happy", mouthVariant="bigSmile"),
        "sad": one(eyesVariant="open", mouthVariant="frown"),
    },
    clothes={
        "t-shirt": each("clothes", "squared", "rounded"),
        "shirt": each("clothes", "checkered"),
    },
    nose=(*each("nose", "mediumRound"), *each("nose", "smallRound")),
    ages=("child", "young", "adult", "old"),
    wrinkled={"nose": each("nose", "wrinkles")[0]}, old_women=("curly",),
    skin={"light": ("#e9ab8a", "#e8a582"), "brown": ("#b9703f", "#a8622f"), "dark": ("#5f3219", "#4c2715")},
)  # fmt: skip

OPEN_PEEPS = AvatarSet(
    "open-peeps", 0.18, 0.80, (0.33, 0.82), (0.08, 0.92), (0.59, 0.76, 0.51, 0.06),
    {"skin": ("skinColor",), "hair": ("headContrastColor",), "clothes": ("clothingColor",),
     "hat": ("headContrastColor",)},
    {f"accessories{_NONE}": 0, f"facialHair{_NONE}": 0, f"mask{_NONE}": 0, "inkColor": "#000000"},
    hair={
        "short": (*each("head", "short1", "short2", "short5", "pomp", "flatTop", sexes="m", inked=True),
                  *each("head", "grayShort", "short4", sexes="m"), *each("head", "short3", sexes="f", inked=True)),
        "bob": (*each("head", "medium1", "mediumBangs", "medium2", sexes="f", inked=True),
                *each("head", "bangs", "grayMedium", sexes="f")),
        "long": (*each("head", "long", "longBangs", "longCurly", "mediumStraight", sexes="f", inked=True),
                 *each("head", "mediumBangs2", sexes="f")),
        "bun": (*each("head", "bun2", sexes="f", inked=True), *each("head", "grayBun", sexes="f")),
        "curly": (*each("head", "afro", "dreads2", inked=True), *each("head", "mediumBangs2", sexes="f")),
        "bald": each("head", "noHair1", "noHair2"),
        "balding": each("head", "noHair3", sexes="m"),
    },
    headwear={
        "hat": each("head", "hatHip"),
        "winter-hat": each("head", "hatBeanie"),
        "hijab": each("head", "hijab"),
        "turban": each("head", "turban"),
    },
    beard={
        "beard": (*each("facialHair", "full", "full2", "full3", inked=True), *each("facialHair", "full4")),
        "moustache": (*each("facialHair", "moustache5", "moustache7", inked=True), *each("facialHair", "moustache9")),
    },
    glasses={
        "glasses": each("accessories", "glasses2", "glasses3", "glasses5"),
        "sunglasses": each("accessories", "sunglasses", "sunglasses2"),
    },
    expression={
        "smiling": each("expression", "smile", "cheeky"),
        "serious": each("expression", "serious"),
        "laughing": each("expression", "smileBig"),
        "sad": each("expression", "solemn", "tired"),
        "angry": each("expression", "veryAngry"),
    },
    clothes={"t-shirt": (Part(()),)},
    outline="#000000", moods=(), own=("hem",),
)  # fmt: skip

_OPEN_EYES = "variant02 variant04 variant09 variant10 variant21"

LORELEI = AvatarSet(
    "lorelei", 0.17, 0.785, (0.22, 0.76), (0.10, 0.88), (0.48, 0.67, 0.46, 0.07),
    {"skin": ("skinColor",), "hair": ("hairColor", "eyebrowsColor"), "clothes": ()},
    {f"beard{_NONE}": 0, f"earrings{_NONE}": 0, f"freckles{_NONE}": 0, f"glasses{_NONE}": 0,
     f"hairAccessories{_NONE}": 0, "eyesColor": "#000000", "mouthColor": "#000000", "noseColor": "#000000",
     "outlineColor": "#000000", "glassesColor": "#000000", "headVariant": "variant01"},
    hair={
        "short": (*numbered("hair", "01 02 03 04 07 08 09 22 28 43 47", "m"), *numbered("hair", "11 30 06", "f")),
        "bob": numbered("hair", "10 13 17 19 23 37", "f"),
        "long": numbered("hair", "15 16 21 40", "f"),
        "bun": numbered("hair", "14 38 46", "f"),
        "curly": (*numbered("hair", "05 39", "m"), *numbered("hair", "18 24 35 42", "f")),
        "balding": numbered("hair", "25", "m"),  # none is bald: without hair it has no head

    },
    headwear={},
    beard={"beard": numbered("beard", "01 02")},
    glasses={"glasses": numbered("glasses", "01 03 04"), "sunglasses": numbered("glasses", "02")},
    expression={
        "smiling": _faces(_OPEN_EYES, "variant01 variant05 variant07", "happy01 happy02 happy03 happy04"),
        "serious": _faces(_OPEN_EYES, "variant01 variant09", "happy14 happy18"),
        "laughing": _faces(_OPEN_EYES, "variant05", "happy05"),
        "sad": _faces(_OPEN_EYES, "variant12", "sad03 sad04"),
        "angry": _faces(_OPEN_EYES, "variant11 variant13", "sad04 sad05"),
    },
    clothes={"t-shirt": (Part(()),)},
    nose=numbered("nose", "01 02 03 04 05"),
    outline="#000000", own=("shoulders",),
)  # fmt: skip

NOTIONISTS = AvatarSet(
    "notionists", 0.14, 0.635, (0.30, 0.68), (0.10, 0.90), (0.49, 0.60, 0.45, 0.05),
    {"skin": (), "hair": (), "clothes": ()},
    {f"beard{_NONE}": 0, f"clothesGraphic{_NONE}": 0, f"gesture{_NONE}": 0, f"glasses{_NONE}": 0,
     "headVariant": "variant01", "inkColor": "#000000", "paperColor": "#ffffff"},
    hair={
        "short": numbered("hair", "05 06 07 13 15 16 18 24 25 27 33 34 35 49 54 55", "m", inked=True),
        "bob": numbered("hair", "02 04 08 10", "f", inked=True),
        "long": numbered("hair", "23 28 36 37 41 58", "f", inked=True),
        "bun": numbered("hair", "29 48 57", "f", inked=True),
        "curly": (*numbered("hair", "09 22 31", "m", inked=True), *numbered("hair", "20", "f", inked=True)),
    },
    headwear={
        "cap": each("hair", "hat"),
        "hijab": numbered("hair", "62 63"),
        "turban": numbered("hair", "61"),
    },
    beard={"beard": numbered("beard", "01 02", inked=True), "moustache": numbered("beard", "03 10", inked=True)},
    glasses={"glasses": numbered("glasses", "03 11"), "sunglasses": numbered("glasses", "01 02")},
    expression={
        "smiling": _faces("variant01 variant03 variant05", "variant01 variant05 variant09",
                          "variant03 variant22 variant25"),
        "serious": _faces("variant01 variant03", "variant01 variant05", "variant04 variant06"),
    },
    clothes={
        "t-shirt": numbered("clothes", "02"),
        "shirt": numbered("clothes", "14 19 20 21 25"),
        "hoodie": numbered("clothes", "23"),
        "jacket": numbered("clothes", "16 17"),
    },
    nose=numbered("nose", "01 03 05 09 13 18"),
    outline="#000000", ages=("young", "adult"),
)  # fmt: skip

MICAH = AvatarSet(
    "micah", 0.20, 0.735, (0.38, 0.74), (0.12, 0.88), (0.45, 0.62, 0.39, 0.06),
    {"skin": ("baseColor",), "hair": ("hairColor", "facialHairColor"), "clothes": ("shirtColor",),
     "hat": ("hairColor",)},
    {f"earrings{_NONE}": 0, f"facialHair{_NONE}": 0, f"glasses{_NONE}": 0, "headVariant": "standard",
     "earsVariant": "attached", "eyebrowsColor": "#000000", "eyesColor": "#000000", "eyeShadowColor": "#ffffff",
     "glassesColor": "#000000", "mouthColor": "#000000", "earringColor": "#000000"},
    hair={
        "short": each("hair", "fonze", "dannyPhantom", sexes="m"),
        "bob": each("hair", "pixie", sexes="f"),
        "long": each("hair", "full", sexes="f"),
        "bald": each("hair", "mrClean"),
    },
    headwear={"turban": each("hair", "turban")},
    beard={"beard": each("facialHair", "beard")},
    glasses={"glasses": each("glasses", "round", "square")},
    expression={
        "smiling": _faces("eyes round", "up", "smile smirk"),
        "laughing": _faces("eyes", "up", "laughing"),
        "sad": _faces("eyes", "down", "sad"),
    },
    clothes={"t-shirt": each("clothes", "crew", "open"), "shirt": each("clothes", "collared")},
    nose=each("nose", "curve", "pointed"),
    outline="#000000",
)  # fmt: skip

AVATAR_SETS = {
    avatar_set.style: avatar_set
    for avatar_set in (AVATAAARS, TOON_HEAD, PERSONAS, OPEN_PEEPS, LORELEI, NOTIONISTS, MICAH)
}
HELD_OUT_AVATAR_SET = "micah"
"""The avatar set that nothing is trained on or drawn by: people by it are the honest measure."""
