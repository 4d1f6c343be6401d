"""The exercises of notebook 07: typical mistakes get their own diagnosis."""

import re
from types import SimpleNamespace

from exercise_tests import mistakes_are_diagnosed

from course_lib.prompting import checks


def grounded(order: SimpleNamespace, letter: str, fits: str = r"\b{}\b") -> SimpleNamespace:
    if not order.town or not re.search(fits.format(re.escape(order.town)), letter):
        raise ValueError(f"The town {order.town!r} is not in the letter.")
    return order


def mute(order: SimpleNamespace, letter: str) -> SimpleNamespace:
    if order.town not in letter:
        raise ValueError
    return order


MISTAKES = {
    "grounded": [
        (lambda order, letter: order, "let it through"),
        (lambda order, letter: True, "Give the order back"),
        (lambda order, letter: grounded(order, ""), "object to it"),
        (lambda order, letter: grounded(order, letter, "{}"), "only a part"),
        (lambda order, letter: order if not order.town else grounded(order, letter), "An empty"),
        (lambda order, letter: grounded(order, letter, r"^.*[^w] {}[.]$"), "two words"),
        (mute, "Name the town"),
    ]
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
