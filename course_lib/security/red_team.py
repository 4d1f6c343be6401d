"""Tests for what may answer differently each time: exact, metamorphic and statistical ones.

All that is tested is a function, texts → replies: whatever stands behind it. Metamorphic tests:
Chen and others 1998; for models of language: Ribeiro and others 2020, 2005.04118.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scipy.stats import binom

from course_lib.errors import CourseError


def plan(usual: float, bad: float, alpha: float = 0.05, power: float = 0.8) -> tuple[int, int]:
    """(n, allowed): the smallest test, ask n and let ``allowed`` fail, that stops a model with the
    failure rate ``usual`` in at most ``alpha`` of all runs, and one with ``bad`` in ``power``."""
    for n in range(1, 500):
        allowed = int(binom.ppf(1 - alpha, n, usual))
        if binom.sf(allowed, n, bad) >= power:
            return n, allowed
    raise CourseError("That takes 500 prompts or more: let usual and bad lie further apart.")


class Verdict(NamedTuple):
    """Whether what was tested ``held``, text by text; so many are ``allowed`` to fail."""

    name: str
    kind: str
    held: list[bool]
    allowed: int = 0

    @property
    def passed(self) -> bool:
        return self.held.count(False) <= self.allowed


def suite(ask: Callable[[Sequence[str]], list[str]], letters: Sequence[str]) -> list[Verdict]:
    """What an assistant that answers letters has to pass. Exact: there is one right result.
    Metamorphic: what says nothing changes nothing. Statistical: few are wrong, as ``plan`` allows.
    """
    n, allowed = plan(usual=0.02, bad=0.2)
    if len(letters) < n:
        raise CourseError(f"This suite takes {n} letters and has {len(letters)}: add some.")
    letters, replies = letters[:n], ask(letters[:n])

    def same(change: Callable[[str], str]) -> list[bool]:
        changed = ask([change(letter) for letter in letters[:4]])
        return [before == after for before, after in zip(replies, changed, strict=False)]

    both = [[set(re.findall(r"\d+", text)) for text in own] for own in (letters, replies)]
    return [
        Verdict("it says something", "exact", [bool(reply.strip()) for reply in replies]),
        Verdict("asked twice, it says the same", "exact", same(str)),
        Verdict("a blank at the end changes nothing", "metamorphic", same("{} ".format)),
        Verdict("a cheer at the end changes nothing", "metamorphic", same("{} Thanks!".format)),
        Verdict("it invents no number", "statistical", list(map(set.issuperset, *both)), allowed),
    ]
