"""A small labelled test set for personal data, all of it invented, with look-alikes in it.

``assets/evaluation/personal_data.json`` has the templates and says where the values come from; some
are harder than the patterns of ``personal`` are good: the set is not there to flatter them.
"""

import json
import random
import string
from dataclasses import dataclass

from course_lib.cleaning.personal import passes_luhn
from course_lib.places import REPOSITORY


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and the true places in it as (kind, start, end)."""

    text: str
    places: tuple[tuple[str, int, int], ...]


def labelled_set(seed: int = 0, rounds: int = 8) -> list[Labelled]:
    """``rounds`` texts with each way to write each kind once, and as many texts of look-alikes."""
    path = REPOSITORY / "assets" / "evaluation" / "personal_data.json"
    templates, rng, texts = json.loads(path.read_text(encoding="utf-8")), random.Random(seed), []
    for _ in range(rounds):
        values = _draw_values(rng, templates["choices"])
        lines = [(kind, own) for kind, several in templates["true"].items() for own in several]
        rng.shuffle(lines)
        text, places = "", []
        for kind, template in lines:
            before, after = rng.choice(templates["sentences"][kind]).split("{}")
            value = template.format_map(values)
            places.append((kind, len(text) + len(before), len(text) + len(before + value)))
            text += f"{before}{value}{after}\n"
        texts.append(Labelled(text, tuple(places)))
        alike = [line.format_map(values) for line in templates["look-alikes"]]
        texts.append(Labelled("\n".join(alike) + "\n", ()))
    return texts


def _draw_values(rng: random.Random, choices: dict[str, list[str]]) -> dict[str, object]:
    def draw(letters: str, count: int) -> str:
        return "".join(rng.choices(letters, k=count))

    def card(first: str, length: int, mark: str) -> str:
        """An invented number with a right check digit."""
        stem = first + draw(string.digits, length - 2)
        digits = next(stem + last for last in string.digits if passes_luhn(stem + last))
        return mark.join(digits[place : place + 4] for place in range(0, length, 4))

    line, upper, lower = rng.randrange(100, 960), string.ascii_uppercase, string.ascii_lowercase
    values = {name: rng.choice(several) for name, several in choices.items()}
    return values | {
        "Forename": values["forename"].title(),
        "code": f"{draw(upper, 2)}{rng.randrange(1, 10)} {rng.randrange(1, 10)}{draw('ABDEFG', 2)}",
        "line": line,
        "more": line + 40,
        "year": rng.randrange(1990, 2030),
        "digit": rng.randrange(1, 10),
        "two": rng.randrange(10, 100),
        "five": rng.randrange(10_000, 100_000),
        "house": rng.randrange(1, 200),
        "visa": card("4", 16, " "),
        "mastercard": card("5", 16, "-"),
        "amex": card("3", 15, ""),
        "order": card("4", 16, ""),  # the check digit fits, and it is no card
        "key16": draw(upper + string.digits, 16),
        "key36": draw(string.ascii_letters + string.digits, 36),
        "password": f"{draw(lower, 6)}-{draw(lower, 7)}",  # two plain words
        "hex40": draw("0123456789abcdef", 40),
        "hex32": draw("0123456789abcdef", 32),
    }
