"""What can be drawn: the table `subjects.csv`, one row for each name of an open drawing, corrected by hand.

Rows of one `group` are one subject: man, woman and person as teachers, a cat and a cat's face. `rank` orders groups by
usefulness, from 1, so that a small training can take the first N. `captions` and `reader` take names from here.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "subjects.csv"
USER_SUBJECTS = "subjects.json"
"""In a cache of user-provided pictures: their subjects, which replace those of the table."""


@dataclass(frozen=True)
class Subject:
    """One subject.

    en, pt: names in English and Portuguese without article, the most common first. pt_gender: "m" or "f".
    pt_male, pt_female: names of a man and a woman in this role; empty where the table has none.
    """

    group: str
    kind: str
    rank: int
    en: tuple[str, ...]
    pt: tuple[str, ...]
    pt_gender: str
    pt_male: tuple[str, ...] = ()
    pt_female: tuple[str, ...] = ()

    def names(self) -> dict[str, Any]:
        """The names as `Reader` and the bank's file take them."""
        return {"kind": self.kind, "en": self.en, "pt": self.pt, "male": self.pt_male, "female": self.pt_female}


def table() -> list[dict[str, str]]:
    """The rows of subjects.csv in the file's order, which seeds refer to whatever the ranks."""
    return list(csv.DictReader(io.StringIO(TABLE.read_text(encoding="utf-8"))))


def load_subjects(cache: Path | None = None) -> dict[str, Subject]:
    """Every subject by its group: those of the table in its order, or those of a cache of user-provided pictures."""
    if cache is not None and (cache / USER_SUBJECTS).exists():
        return {each["group"]: _own(each) for each in json.loads((cache / USER_SUBJECTS).read_text())}
    groups: dict[str, list[dict[str, str]]] = {}
    for row in table():
        groups.setdefault(row["group"], []).append(row)
    subjects = {}
    for group, rows in groups.items():
        # The name without sex is the one to say; where there is none, a man's, as Portuguese has it.
        usual = min(rows, key=lambda row: ("", "male", "female").index(row["person_sex"]))
        gender, pt = _portuguese(usual)
        male, female = (
            next((_portuguese(row)[1] for row in rows if row["person_sex"] == sex), ()) for sex in ("male", "female")
        )
        en = tuple(usual["en"].split("|"))
        subjects[group] = Subject(group, usual["kind"], int(usual["rank"]), en, pt, gender, male, female)
    return subjects


def _own(values: dict[str, Any]) -> Subject:
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Subject(**plain)


def _portuguese(row: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    gender, _, names = row["pt"].partition(":")
    return gender, tuple(names.split("|"))
