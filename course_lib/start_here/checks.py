"""The checks of the exercises in notebook 00."""

import random
from collections import Counter
from collections.abc import Callable

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "00_start_here"


@exercise(NOTEBOOK, "0.1")
def triples(answer: Callable[[list[str]], list[tuple[str, str, str]]]) -> str:
    """``answer(words)`` must list all (first, second, third) of neighbouring words."""
    words = ["the", "cat", "sat", "on", "the", "mat"]
    found = [tuple(item) for item in answer(words)]
    require(found, "The list is empty: does the loop run at all?")
    sizes = {len(item) for item in found}
    why = f"{min(found, key=len)} has not 3 words: does the loop run past the last trigram?"
    require(sizes == {3} or 3 not in sizes, why)
    why = f"Each entry has {min(sizes)} words. A trigram has three: two to look at, one to guess."
    require(sizes == {3}, why)
    require(found[0] == tuple(words[:3]), "The first trigram should start at the first word.")
    apart = found == [tuple(words[:3]), tuple(words[3:])]
    require(not apart, "The trigrams do not overlap. Move on by one word each time, not by three.")
    require(len(found) != 3, "There are 3 trigrams, one is missing: look at where the loop stops.")
    require(len(found) == 4, f"Six words have 4 trigrams, and there are {len(found)}.")
    right = found == [tuple(words[i : i + 3]) for i in range(4)]
    require(right, f"The trigrams are {found}: is the order right?")
    unguarded = getattr(answer, "__wrapped__", answer)  # an empty list is no stub here
    require(not list(unguarded(["too", "short"])), "Two words have no trigram: give an empty list.")
    return "all trigrams: every word but the first two is guessed once."


@exercise(NOTEBOOK, "0.2")
def draw(answer: Callable[[Counter, random.Random], str]) -> str:
    """``answer(followers, rng)`` must draw a word with a probability in proportion to its count."""
    followers = Counter({"sat": 6, "ran": 3, "flew": 1})
    rng = random.Random(1)
    drawn = [answer(followers, rng) for _ in range(2000)]
    require(not isinstance(drawn[0], list), f"{drawn[0]} is a list: take its only entry.")
    strange = next((item for item in drawn if item not in followers), None)
    require(strange is None, f"It gave {strange!r}, which is no word that follows (its count?).")
    fraction = Counter(drawn)["sat"] / len(drawn)
    require(fraction < 1, "It always gives “sat”: a model without variety writes in circles.")
    came = f"“sat” came {fraction:.0%} of the time"
    require(not 0.28 < fraction < 0.39, f"{came}, like every other word: do the counts count?")
    require(0.55 < fraction < 0.65, f"{came}, and it stands for 6 of 10.")
    repeat = {answer(followers, random.Random(7)) for _ in range(20)}
    why = "The same generator state gave different words: draw with `rng`, so that a seed repeats."
    require(len(repeat) == 1, why)
    return "frequent words come often, rare ones sometimes, and a seed repeats the text."
