"""The two pages that lie in a bundle: how to install from it, in English and Portuguese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixgen.bundle.targets import TITLES, Target

LINES: Mapping[str, str] = {
    "windows": """    py -{python} -m venv "%USERPROFILE%\\pixgen"
    "%USERPROFILE%\\pixgen\\Scripts\\python" -m pip install --no-index -f wheels "{wanted}"
    "%USERPROFILE%\\pixgen\\Scripts\\activate"
""",
    "macos": """    python{python} -m venv ~/pixgen
    ~/pixgen/bin/python -m pip install --no-index -f wheels "{wanted}"
    source ~/pixgen/bin/activate
""",
}
"""To be typed in a terminal in the bundle's folder; Linux has the lines of macOS."""

FIRST = """    pixgen "{prompt}"
    pixgen classify pictures/apple.png --labels "{labels}"
"""

ENGLISH = """pixgen {version}, to install without the internet
=================================================

The computer needs Python {pythons} of 64 bits: bring its installer from
https://www.python.org/downloads/ on the same stick. Copy this folder to the disk and open a
terminal in it{terminal}. Type the lines of your
system: the first makes the folder "pixgen" in your home folder, the second installs.

{systems}
Then, in the same terminal:

{first}
The picture goes to the folder "outputs". In a new terminal, type the last line of your system first.
{untried}"""

PORTUGUESE = """pixgen {version}, para instalar sem internet
============================================

O computador precisa do Python {pythons} de 64 bits: traga o instalador de
https://www.python.org/downloads/ no mesmo pendrive. Copie esta pasta para o disco e abra um
terminal nela{terminal}. Digite as linhas do seu
sistema: a primeira cria a pasta "pixgen" na sua pasta pessoal, a segunda instala.

{systems}
Depois, no mesmo terminal:

{first}
A imagem vai para a pasta "outputs". Em um terminal novo, digite antes a última linha do seu sistema.
{untried}"""


def texts(version: str, targets: Sequence[Target], extras: Sequence[str], notebooks: Sequence[str]) -> dict[str, str]:
    """File name -> text."""
    wanted = f"pixgen[{','.join(extras)}]" if extras else "pixgen"
    systems = []
    for target in targets:
        lines = LINES.get(target.platform, LINES["macos"]).format(python=target.python, wanted=wanted)
        systems.append(f"{TITLES[target.platform]}:\n\n{lines}")
    windows = any(target.platform == "windows" for target in targets)
    common = {
        "version": version,
        "pythons": ", ".join(sorted({target.python for target in targets})),
        "systems": "\n".join(systems),
    }
    more = [f"    jupyter notebook notebooks/{name}\n" for name in notebooks if "lesson" in extras]
    more += ["    pixgen ui\n"] if "ui" in extras else []
    foreign = ", ".join(TITLES[target.platform] for target in targets if not target.is_here)
    english = ENGLISH.format(
        **common,
        terminal=' (in Windows: type "cmd" into the address bar of its window)' if windows else "",
        first=FIRST.format(prompt="a red fox in the snow", labels="cat,dog,apple") + "".join(more),
        untried=f"\nThe wheels for {foreign} are complete by their own metadata, but were not tried there.\n"
        if foreign
        else "",
    )
    portuguese = PORTUGUESE.format(
        **common,
        terminal=' (no Windows: digite "cmd" na barra de endereço da janela)' if windows else "",
        first=FIRST.format(prompt="uma raposa vermelha na neve", labels="gato,cachorro,maçã") + "".join(more),
        untried=f"\nOs pacotes para {foreign} estão completos segundo os seus metadados, mas não foram testados lá.\n"
        if foreign
        else "",
    )
    return {"README.txt": english, "LEIAME.txt": portuguese}
