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
    found = list(answer(words))
    require(found, "The list is empty: does the loop run at all?")
    sizes = {len(item) for item in found}
    require(
        sizes == {3},
        f"Some entries have {min(sizes)} words, not 3: does the loop run past the last full triple?"
        if 3 in sizes
        else f"Each entry has {min(sizes)} words. A triple has three: two to look at, one to guess.",
    )
    found = [tuple(item) for item in found]
    require(
        found[0] == tuple(words[:3]),
        f"The first triple is {found[0]}: it should start at the first word.",
    )
    require(
        len(found) != 2 or found[1] != tuple(words[3:]),
        "The triples do not overlap. Move on by one word each time, not by three.",
    )
    require(len(found) != 3, "There are 3 triples, one is missing: look at where the loop stops.")
    require(len(found) == 4, f"Six words have 4 triples, and there are {len(found)}.")
    require(
        found == [tuple(words[i : i + 3]) for i in range(4)],
        f"The triples are {found}: is the order right?",
    )
    require(
        len(list(_allow_empty(answer)(["too", "short"]))) == 0,
        "Two words have no triple: the list should be empty.",
    )
    return "all triples, each word but the first two is guessed once."


def _allow_empty(answer: Callable) -> Callable:
    """The learner's function without the guard that takes None for a stub."""
    return getattr(answer, "__wrapped__", answer)


@exercise(NOTEBOOK, "0.2")
def draw(answer: Callable[[Counter, random.Random], str]) -> str:
    """``answer(followers, rng)`` must draw a word with a chance in proportion to its count."""
    followers = Counter({"sat": 6, "ran": 3, "flew": 1})
    rng = random.Random(1)
    drawn = [answer(followers, rng) for _ in range(2000)]
    strange = next((item for item in drawn if item not in followers), None)
    require(
        strange is None,
        f"It gave {strange!r}, which is no word that follows. Draw one of the words, not its count.",
    )
    share = Counter(drawn)["sat"] / len(drawn)
    require(
        share < 1,
        "It always gives “sat”, the most frequent word: a model that never varies writes in circles.",
    )
    require(
        not 0.28 < share < 0.39,
        f"“sat” came {share:.0%} of the time, like every other word: do the counts play no part yet?",
    )
    require(0.55 < share < 0.65, f"“sat” stands for 6 of 10 and came {share:.0%} of the time.")
    repeat = [answer(followers, random.Random(7)) for _ in range(20)]
    require(
        len(set(repeat)) == 1,
        "The same generator state gave different words: draw with `rng`, so that a seed repeats the text.",
    )
    return "frequent words come often, rare ones sometimes, and a seed repeats the text."
