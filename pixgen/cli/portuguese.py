"""What the main command says, in Portuguese: a table from each English line to its translation.

Lines are translated where they are printed, so that the library speaks one language and a line that is not in the
table comes out in English.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping

LINES: Mapping[str, str] = {
    # Drawing
    "seed {seed}, {done} of {steps} steps, {seconds} s": "semente {seed}, {done} de {steps} passos, {seconds} s",
    "stopped after {done} of {steps} steps; keeping the picture reached so far": (
        "parado depois de {done} de {steps} passos; a imagem obtida até aqui fica guardada"
    ),
    "stopped before the first step: there is no picture yet": "parado antes do primeiro passo: ainda não há imagem",
    "interrupted": "interrompido",
    "step {step}, loss {loss}, {rate} it/s, {left} s left": "passo {step}, perda {loss}, {rate} it/s, faltam {left} s",
    "step {step}, loss {loss}, {rate} it/s": "passo {step}, perda {loss}, {rate} it/s",
    # Warnings
    "perceptor {name} never learnt the word {word}; the nearest that it knows: {near}": (
        "o perceptor {name} nunca aprendeu a palavra {word}; as mais próximas que ele conhece: {near}"
    ),
    "perceptor {name} never learnt the word {word}; it knows nothing near": (
        "o perceptor {name} nunca aprendeu a palavra {word} e não conhece nenhuma parecida"
    ),
    "the prompt is longer than perceptor {name} reads at once; it reads it in {count} pieces: {pieces}": (
        "o prompt é mais longo do que o perceptor {name} lê de uma vez; ele o lê em {count} partes: {pieces}"
    ),
    "start dalle1 has no room for the whole prompt; it does not read {words}": (
        "o início dalle1 não tem lugar para o prompt inteiro; ele não lê {words}"
    ),
    "{written} is not how a weight is written; if it is meant as one, write {meant}": (
        "{written} não é a forma de escrever um peso; se a intenção é dar um peso, escreva {meant}"
    ),
    "size {asked} becomes {got}: sides must be multiples of {factor}": (
        "o tamanho {asked} passa a ser {got}: os lados devem ser múltiplos de {factor}"
    ),
    # Mistakes
    'the prompt is empty; say what to draw, as in: pixgen "a red fox"': (
        'o prompt está vazio; diga o que desenhar, por exemplo: pixgen "uma raposa vermelha"'
    ),
    "the prompt has {count} characters; the most is {most}. Shorten it": (
        "o prompt tem {count} caracteres; o máximo é {most}. Encurte-o"
    ),
    "the prompt holds the control character {char} at {place}; remove it": (
        "o prompt contém o caractere de controle {char} na posição {place}; remova-o"
    ),
    '{word} is a setting, not a prompt; write the prompt first: pixgen "a red fox" {rest}': (
        '{word} é um ajuste, não um prompt; escreva primeiro o prompt: pixgen "uma raposa vermelha" {rest}'
    ),
    "{word} is not KEY=VALUE; a prompt of several words needs quotes: {command}": (
        "{word} não é CHAVE=VALOR; um prompt de várias palavras precisa de aspas: {command}"
    ),
    "there is no command {word}; did you mean: {near}  (to draw it: {draw})": (
        "não existe o comando {word}; você quis dizer: {near}  (para desenhá-lo: {draw})"
    ),
    "there is no preset called {name}; did you mean {near}? (`pixgen presets` lists all)": (
        "não existe o preset {name}; você quis dizer {near}? (`pixgen presets` lista todos)"
    ),
    "there is no picture {name} (--init-image)": "não existe a imagem {name} (--init-image)",
    "there is no picture {name}": "não existe a imagem {name}",
    "{name} is not a picture that can be read ({reason})": "{name} não é uma imagem que se possa ler ({reason})",
    "{name} is not a picture that can be read; it must be {formats}": (
        "{name} não é uma imagem que se possa ler; deve ser {formats}"
    ),
    "{name} moves ({count} pictures in one); save the one you mean by itself, or take the first frame "
    "(--first-frame; start.first_frame=true)": (
        "{name} é animada ({count} imagens em uma); salve separadamente a que você quer usar, ou use o primeiro "
        "quadro (--first-frame; start.first_frame=true)"
    ),
    "{name} has more than {most} million pixels; make it smaller first": (
        "{name} tem mais de {most} milhões de pixels; reduza-a antes"
    ),
    "{name} cannot be the name of a file here: {problem}; choose another name with -o": (
        "{name} não pode ser o nome de um arquivo aqui: {problem}; escolha outro nome com -o"
    ),
    "{name} has no home folder here; write the whole path": (
        "{name} não tem pasta pessoal aqui; escreva o caminho completo"
    ),
    "{what} takes about {need} of memory and the limit here is {most}; choose a smaller size, or add --allow-large "
    "(allow_large=True)": (
        "{what} precisa de cerca de {need} de memória e o limite aqui é {most}; escolha um tamanho menor ou "
        "acrescente --allow-large (allow_large=True)"
    ),
    "a {kind} holds at most {most} pixels a side and the picture is {size}; save as .png": (
        "um {kind} tem no máximo {most} pixels de lado e a imagem tem {size}; salve como .png"
    ),
    "cannot write to {name}: {need} MB are needed and {free} MB are free; make room or choose another place with -o": (
        "não é possível escrever em {name}: são precisos {need} MB e há {free} MB livres; libere espaço ou escolha "
        "outro lugar com -o"
    ),
    "cannot write to {name}: {reason}; make room or choose another place with -o; it is saved as {path}": (
        "não é possível escrever em {name}: {reason}; libere espaço ou escolha outro lugar com -o; ficou salva como "
        "{path}"
    ),
    "cannot write to {name}: {reason}; choose another place with -o; it is saved as {path}": (
        "não é possível escrever em {name}: {reason}; escolha outro lugar com -o; ficou salva como {path}"
    ),
    "threads is {wanted}, and this machine has {cores} cores: pixels may differ": (
        "threads é {wanted}, e esta máquina tem {cores} núcleos: os pixels podem sair diferentes"
    ),
    "{name} is unlike the pictures that this model pair learnt from; the result may not be like it": (
        "{name} não se parece com as imagens com que este par de modelos aprendeu; o resultado pode sair diferente dela"
    ),
    "{prompt} names {count} things, and the shipped DALL-E networks were taught one in a picture; the default, "
    "--method loop from the bank, draws several": (
        "{prompt} pede {count} coisas, e as redes DALL-E incluídas aprenderam com uma só por imagem; o padrão, "
        "--method loop a partir do banco, desenha várias"
    ),
    "there is no plugin file {name}": "não existe o arquivo de plugin {name}",
    "cannot read {name}: {reason}": "não é possível ler {name}: {reason}",
    "cannot write to {name}: {reason}; make room or choose another place with -o": (
        "não é possível escrever em {name}: {reason}; libere espaço ou escolha outro lugar com -o"
    ),
    "cannot write to {name}: {reason}; choose another place with -o": (
        "não é possível escrever em {name}: {reason}; escolha outro lugar com -o"
    ),
    "{name} is a file, and a folder is needed; choose another place with -o": (
        "{name} é um arquivo, e é preciso uma pasta; escolha outro lugar com -o"
    ),
    "unexpected {kind}: {reason}; add --debug for the traceback": (
        "erro inesperado, {kind}: {reason}; acrescente --debug para ver o traceback"
    ),
    # The page of `pixgen ui`
    "{name} is {value}; it must be a whole number": "{name} é {value}; deve ser um número inteiro",
    "there are {count} settings; the most is {most}": "há {count} ajustes; o máximo é {most}",
    "method {name} samples without a start picture; take method loop, or none": (
        "o método {name} amostra sem imagem inicial; use o método loop, ou nenhuma imagem"
    ),
    "the picture is not there any more; choose it again": "a imagem não está mais lá; escolha-a de novo",
    "the picture has {count} bytes; the most is {most}. Make it smaller first": (
        "a imagem tem {count} bytes; o máximo é {most}. Reduza-a antes"
    ),
    "nothing is painted; paint over what may change, or give a mask file": (
        "nada foi pintado; pinte sobre o que pode mudar, ou dê um arquivo de máscara"
    ),
    "say what the picture shows now, or paint over what may change": (
        "diga o que a imagem mostra agora, ou pinte sobre o que pode mudar"
    ),
    "{count} variations; it must be 1 to {most}": "{count} variações; deve ser de 1 a {most}",
    "choose a picture to classify": "escolha uma imagem para classificar",
}
"""`{name}` stands for what changes; both sides have the same ones."""


def translate(line: str) -> str:
    """`line` in the language of the locale, if that is Portuguese and the table has it."""
    return in_portuguese(line) if is_portuguese() else line


def in_portuguese(line: str) -> str:
    """`line` in Portuguese, if the table has it."""
    found = find(line)
    return LINES[found[0]].format_map(found[1]) if found else line


def find(line: str) -> tuple[str, dict[str, str]] | None:
    """The English side of the first row that a line fits, and what stands in its gaps; None for no row."""
    for english, pattern in _patterns():
        if match := pattern.fullmatch(line):
            return english, match.groupdict()
    return None


def is_portuguese() -> bool:
    """As gettext decides: the first of these variables that is set counts."""
    set_ones = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next((value for value in set_ones if value), "").lower().startswith("pt")


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for english in LINES:
        parts = re.split(r"\{(\w+)\}", english)
        # Literal text and names take turns.
        texts = [re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts)]
        found.append((english, re.compile("".join(texts), re.DOTALL)))
    return found
