"""How many of the nouns that people most often put into prompts the default start can draw.

    python benchmarks/known_nouns.py

The nouns are `benchmarks/nouns300.csv`: the 300 most frequent names of things, creatures, people and places in
flavors.txt of the package clip-interrogator 0.6.0, 100,000 phrases of public prompts. Words of style, light and
photography, body parts, materials and names of persons and brands were left out by hand; a noun's count is that of the
phrases with its singular or plural.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pixgen.plugins.starts.bank import readable
from pixgen.scenery.bank import load_bank
from pixgen.scenery.reader import Reader

TABLE = Path(__file__).with_name("nouns300.csv")


def main() -> None:
    reader = Reader(readable(load_bank()))
    with TABLE.open(encoding="utf-8", newline="") as file:
        nouns = list(csv.DictReader(file))
    unknown = []
    for row in nouns:
        scene = reader.read(f"a {row['noun']}")
        if scene.rest or not (scene.things or scene.place):
            unknown.append(row)
    phrases = sum(int(row["phrases"]) for row in nouns)
    lost = sum(int(row["phrases"]) for row in unknown)
    print(f"{len(nouns) - len(unknown)} of {len(nouns)} nouns known, {1 - lost / phrases:.1%} of their use")
    print("unknown:", ", ".join(row["noun"] for row in unknown))


if __name__ == "__main__":
    main()
