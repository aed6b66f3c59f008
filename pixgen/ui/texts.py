"""What the page says, in English and in Portuguese."""

from __future__ import annotations

from collections.abc import Callable, Mapping

LANGUAGES = ("en", "pt")

TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("pixgen", "pixgen"),
    "subtitle": ("Pictures from words, on this computer", "Imagens a partir de palavras, neste computador"),
    # Tabs
    "draw": ("Draw", "Desenhar"),
    "edit": ("Vary and edit", "Variar e editar"),
    "gallery": ("Gallery", "Galeria"),
    "classify": ("Classify", "Classificar"),
    "search": ("Search", "Buscar"),
    # Drawing
    "prompt": ("What to draw", "O que desenhar"),
    "prompt_hint": (
        "a red fox in the snow | watercolor :0.5",
        "uma raposa vermelha na neve | aquarela :0.5",
    ),
    "draw_button": ("Draw", "Desenhar"),
    "stop": ("Stop", "Parar"),
    "continue": ("Continue", "Continuar"),
    "presets": ("Presets", "Presets"),
    "presets_hint": ("Click to choose; several combine.", "Clique para escolher; vários se combinam."),
    "settings": ("Settings", "Ajustes"),
    "generator": ("Generator", "Gerador"),
    "method": ("Method", "Método"),
    "size": ("Size", "Tamanho"),
    "steps": ("Steps", "Passos"),
    "seed": ("Seed", "Semente"),
    "automatic": ("automatic", "automático"),
    "auto": ("auto", "auto"),
    "random": ("random", "aleatória"),
    "start": ("Start picture", "Imagem inicial"),
    "losses": ("Losses", "Perdas"),
    "add_losses": ("Add losses", "Acrescentar perdas"),
    "weights_hint": (
        "Weights may be changed while a picture is drawn.",
        "Os pesos podem ser mudados enquanto a imagem é desenhada.",
    ),
    "weight_of": ("weight of {id}", "peso de {id}"),
    "more": ("More settings, KEY=VALUE on each line", "Mais ajustes, CHAVE=VALOR em cada linha"),
    # Variations and edits
    "picture": ("Picture", "Imagem"),
    "alter_what": ("What to do", "O que fazer"),
    "vary": ("Variations", "Variações"),
    "edit_by_text": ("Edit by text", "Editar por texto"),
    "text_after": ("What it should show", "O que deve mostrar"),
    "text_before": ("What it shows now", "O que mostra agora"),
    "text_after_hint": ("a green apple", "uma maçã verde"),
    "text_before_hint": ("a red apple", "uma maçã vermelha"),
    "strength": ("Strength", "Intensidade"),
    "count": ("How many", "Quantas"),
    "mask": ("Mask: paint over what may change", "Máscara: pinte sobre o que pode mudar"),
    "mask_hint": (
        "Everything else stays as it is, to the pixel. Without a mask the whole picture may change.",
        "Todo o resto fica como está, pixel por pixel. Sem máscara a imagem inteira pode mudar.",
    ),
    "mask_file": ("or a mask file: white may change", "ou um arquivo de máscara: o branco pode mudar"),
    "start_button": ("Start", "Começar"),
    "say_after": ("say what the picture should show", "diga o que a imagem deve mostrar"),
    "choose_picture": ("choose a picture first", "escolha antes uma imagem"),
    # Gallery
    "again": ("Draw again", "Desenhar de novo"),
    "use_as_start": ("Use as start", "Usar como início"),
    "newer": ("Newer", "Mais novas"),
    "older": ("Older", "Mais antigas"),
    "refresh": ("Refresh", "Atualizar"),
    "page_of": ("page {number} of {count}, {total} pictures", "página {number} de {count}, {total} imagens"),
    "empty_gallery": (
        "There are no pictures yet. What is drawn comes here.",
        "Ainda não há imagens. O que for desenhado vem para cá.",
    ),
    "choose": ("Click a picture to see how it was made.", "Clique numa imagem para ver como foi feita."),
    "prompt_fact": ("Prompt", "Prompt"),
    "start_fact": ("Start", "Início"),
    "version": ("Version of pixgen", "Versão do pixgen"),
    "files": ("Files", "Arquivos"),
    "command_fact": ("Command", "Comando"),
    # Classification and search
    "labels": ("Labels, with commas between them", "Rótulos, separados por vírgulas"),
    "labels_hint": ("cat, dog, person", "gato, cachorro, pessoa"),
    "clip": ("CLIP", "CLIP"),
    "classify_button": ("Classify", "Classificar"),
    "unlike": (
        "This picture is unlike the drawings that the CLIP learnt from; do not trust the result. One that knows "
        "photographs: pixgen models pull {instead}",
        "Esta imagem não se parece com os desenhos com que o CLIP aprendeu; não confie no resultado. Um que conhece "
        "fotografias: pixgen models pull {instead}",
    ),
    "search_text": ("What the pictures show", "O que as imagens mostram"),
    "search_hint": ("a dog on a beach", "um cachorro na praia"),
    "search_picture": ("or a picture like these", "ou uma imagem parecida"),
    "search_button": ("Search", "Buscar"),
    # While it draws
    "ready": ("Say what to draw, then press Draw.", "Diga o que desenhar e aperte Desenhar."),
    "waiting": ("waiting for another window", "à espera de outra janela"),
    "preparing": ("preparing", "preparando"),
    "drawing": ("step {done} of {steps}", "passo {done} de {steps}"),
    "left": ("about {seconds} s left", "faltam cerca de {seconds} s"),
    "stopped": (
        "stopped after {done} of {steps} steps; saved as {name}",
        "parada depois de {done} de {steps} passos; salva como {name}",
    ),
    "stopped_early": ("stopped before the first step", "parada antes do primeiro passo"),
    "finished": (
        "{steps} steps in {seconds} s, seed {seed}; saved as {name}",
        "{steps} passos em {seconds} s, semente {seed}; salva como {name}",
    ),
    "download": ("Download", "Baixar"),
    "nothing_stopped": ("there is no stopped picture to continue", "não há imagem parada para continuar"),
    "unexpected": ("unexpected {kind}: {reason}", "erro inesperado, {kind}: {reason}"),
    "loss_plot": ("Losses, unweighted", "Perdas, sem os pesos"),
}
"""Key -> English, Portuguese; `{name}` stands for what changes, the same in both."""

PRESETS: Mapping[str, str] = {
    "blueprint": "Linhas brancas em papel azul",
    "comic": "Cores chapadas, contornos pretos",
    "dark": "Pouca luz, sombras profundas",
    "draft": "Pequena e em poucos passos, para ver logo o que um prompt dá",
    "fine": "Em 512x512, para uma imagem que se quer guardar",
    "ink": "Tinta preta em papel branco, bordas duras",
    "mosaic": "Pequenos ladrilhos coloridos",
    "neon": "Linhas que brilham no escuro",
    "oil": "Cores densas e ricas com luzes fortes",
    "pencil": "Linhas cinzentas em papel branco",
    "pixel-art": "Grandes pixels quadrados, poucos tons",
    "poster": "Cinco cores chapadas, como impressas",
    "sepia": "Uma fotografia antiga em marrom",
    "soft": "Suave e pálida, sem bordas duras",
    "shapes": "Formas planas, de uma cor cada; também em SVG",
    "sketch": "Poucas linhas pretas sobre papel; também em SVG",
    "sprite": "Um sprite de 48x48 células em 16 cores, com contorno",
    "strokes": "Pinceladas de muitas larguras; também em SVG",
    "stained-glass": "Cores puras entre linhas escuras, simétrica",
    "watercolor": "Aguadas pálidas que se misturam",
}
"""The descriptions of the presets, which have their English one themselves, in Portuguese."""

Translate = Callable[[str], str]
"""From a line of the library to the same in Portuguese, or the line itself where there is no translation."""


def language(accepted: str) -> str:
    """The first language of a browser's Accept-Language header that the page has; English for all others."""
    weighed = []
    for place, part in enumerate(accepted.split(",")):
        name, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            weight = 0.0
        weighed.append((-weight, place, name.strip().lower().partition("-")[0]))
    return next((name for _, _, name in sorted(weighed) if name in LANGUAGES), "en")


def table(language: str) -> dict[str, str]:
    """All texts of one language by key."""
    return {key: texts[LANGUAGES.index(language)] for key, texts in TEXTS.items()}


def say(language: str, key: str, **values: object) -> str:
    """One text with its gaps filled."""
    return TEXTS[key][LANGUAGES.index(language)].format_map(values)
