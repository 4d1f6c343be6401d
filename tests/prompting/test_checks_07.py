"""The exercises of notebook 07: typical mistakes get their own diagnosis."""

import math
import re
from types import SimpleNamespace

from exercise_tests import mistakes_are_diagnosed

from course_lib.prompting import checks


def may_come(table: list, state: int, word: bytes) -> bool:
    for byte in word:
        state = table[state][byte]
    return state > 0


def up_to(high: int) -> str:
    ten, one = divmod(high, 10)
    return f"[0-9]|{ten}[0-{one}]" + f"|[1-{ten - 1}][0-9]" * (ten > 1)


def grounded(order: SimpleNamespace, letter: str, fits: str = r"\b{}\b") -> SimpleNamespace:
    if not order.town or not re.search(fits.format(re.escape(order.town)), letter):
        raise ValueError(f"The town {order.town!r} is not in the letter.")
    return order


def mute(order: SimpleNamespace, letter: str) -> SimpleNamespace:
    if order.town not in letter:
        raise ValueError
    return order


def ratio(having: int, texts: int) -> float:
    return (texts - having + 0.5) / (having + 0.5)


def gap(development, held_out) -> float:  # noqa: ANN001
    best = development.mean(1).argmax()
    return development[best].mean() - held_out[best].mean()


MISTAKES = {
    "may_come": [
        (lambda table, state, word: table[state][word[0]] > 0, "not the first"),
        (lambda table, state, word: may_come(table, state, word[-1:]), "read on from there"),
        (lambda table, state, word: may_come(table, state, word) and len(word) == 1, "“bb”"),
        (lambda table, state, word: may_come(table, state, word) and state > 1, "“abbc”"),
        (lambda table, state, word: may_come(table, 1, word), "You begin in state 1"),
        (lambda table, state, word: state == 1 or may_come(table, state, word), "no c leads on"),
    ],
    "up_to": [
        (lambda high: "[0-9]+", "43 fits"),
        (lambda high: f"[0-9]|[1-{high // 10}][0-{high % 10}]", "13 does not fit"),
        (lambda high: f"[1-9]|{up_to(high)[6:]}", "0 does not fit"),
        (lambda high: "0?" + f"({up_to(high)})", "07"),
        (lambda high: f"[0-9]|{high // 10}[0-{high % 10}]|[1-{high // 10 - 1}][0-9]", "range"),
        (lambda high: "|".join(map(str, range(43))), "up_to(10)"),
    ],
    "rarity": [
        (ratio, "its logarithm is missing"),
        (lambda n, N: math.log(ratio(n, N)), "Add 1 inside"),
        (lambda n, N: math.log1p((N - n) / n), "two halves are missing"),
        (lambda n, N: math.log1p(1 / ratio(n, N)), "upside down"),
        (lambda n, N: math.log10(1 + ratio(n, N)), "2 of 100 texts"),
    ],
    "optimism_gap": [
        (lambda d, h: -gap(d, h), "sign is turned"),
        (lambda d, h: -gap(h, d), "by the held-out items"),
        (lambda d, h: d.mean(1).max() - h.mean(), "*chosen* prompt's"),
        (lambda d, h: gap(d, h) * 4, "divide by their number"),
        (lambda d, h: d.mean(1).max() - h.mean(1).max(), "choose one, then score it twice"),
        (lambda d, h: 0.0, "make 0.5"),
    ],
    "grounded": [
        (lambda order, letter: order, "let it through"),
        (lambda order, letter: True, "Give the order back"),
        (lambda order, letter: grounded(order, ""), "object to it"),
        (lambda order, letter: grounded(order, letter, "{}"), "only a part"),
        (lambda order, letter: order if not order.town else grounded(order, letter), "An empty"),
        (lambda order, letter: grounded(order, letter, r"^.*[^w] {}[.]$"), "two words"),
        (mute, "Name the town"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
