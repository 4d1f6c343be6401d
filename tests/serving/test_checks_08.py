"""The checks of notebook 08 say what is wrong with typical mistakes."""

from collections.abc import Sequence

from exercise_tests import mistakes_are_diagnosed
from scipy.stats import binom

from course_lib.serving import checks


def verify(draft: Sequence[int], says: Sequence[int]) -> list[int]:
    kept = next((n for n, token in enumerate(draft) if token != says[n]), len(draft))
    return [*draft[:kept], says[kept]]


def alarming(wrong: int, asked: int, usual: float, limit: float = 0.01) -> bool:
    return bool(binom.sf(wrong - 1, asked, usual) < limit)


MISTAKES = {
    "verify": [
        (lambda draft, says: verify(draft, says)[:-1] or says[:1], "own next token is free"),
        (lambda draft, says: list(says), "Behind the first wrong token"),
        (lambda draft, says: verify(draft, says) if draft else [], "Without a draft"),
        (lambda draft, says: tuple(verify(draft, says)), "Give a list"),
    ],
    "in_the_system": [
        (lambda rate, seconds: rate / seconds, "You divide: a longer stay"),
        (lambda rate, seconds: seconds / rate, "the stay by the rate"),
        (lambda rate, seconds: rate + seconds, "You add"),
        (lambda rate, seconds: max(1, rate * seconds), "One arrival in two seconds"),
    ],
    "dollars_a_million": [
        (lambda dollars, speed, busy: 1e6 * dollars / (3600 * speed), "always busy"),
        (lambda dollars, speed, busy: 1e6 * dollars / (3600 * speed) * busy, "do not multiply"),
        (lambda dollars, speed, busy: 1e6 * dollars / (speed * busy), "3,600 seconds"),
        (lambda dollars, speed, busy: dollars / (3600 * speed * busy), "price of one token"),
        (lambda dollars, speed, busy: 3600 * speed * busy / dollars / 1e6, "turn it round"),
    ],
    "alarming": [
        (lambda wrong, asked, usual: bool(binom.sf(wrong, asked, usual) < 0.01), "or more"),
        (lambda *given: alarming(*given, limit=0.05), "0.0399: alarm below 0.01"),
        (lambda wrong, asked, usual: wrong / asked > usual, "alarm below 0.01"),
        (lambda *given: False, "5 of 20 wrong"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
