"""The checks of notebook 10 say what is wrong with typical mistakes."""

from collections.abc import Callable, Sequence

from exercise_tests import mistakes_are_diagnosed

from course_lib.song import checks


def rhyming(lines: Sequence[str], rhyme: Callable, far: int = 2, itself: bool = False) -> list:
    near = [[m for m in range(len(lines)) if abs(m - n) <= far] for n in range(len(lines))]
    return [
        any(rhyme(lines[n], lines[m]) for m in own if itself or m != n)
        for n, own in enumerate(near)
    ]


def share(marks: Sequence) -> float:
    return sum(marks) / len(marks) if marks else 0.0


def places(stressed: Sequence[bool], wait: int = 0) -> list[int]:
    found, free = [], 0
    for strong in stressed:
        found.append(free + (free % 2 if strong else 0) + wait)
        free = found[-1] + 1
    return found


REGGAE = dict(kick="....x...", snare="....x...", hat="x.x.x.x.", pluck=".1.1.1.1", bass="0..2.0..")


def with_changes(**changes: str) -> Callable[[], dict]:
    return lambda: REGGAE | changes


MISTAKES = {
    "rhyme_score": [
        (lambda lines, rhyme: share(rhyming(lines, rhyme, far=1)), "the one two below"),
        (lambda lines, rhyme: share(rhyming(lines, rhyme, far=9)), "too far to be heard"),
        (lambda lines, rhyme: share(rhyming(lines, rhyme, itself=True)), "gives 1.00"),
        (lambda lines, rhyme: sum(rhyming(lines, rhyme)), "count lines, not pairs"),
        (
            lambda lines, rhyme: share(
                [
                    any(a != b and rhyme(a, b) for b in lines[max(0, n - 2) : n + 3])
                    for n, a in enumerate(lines)
                ]
            ),
            "compare places, not texts",
        ),
        (lambda lines, rhyme: rhyming(lines, rhyme), "Give one number"),
    ],
    "on_the_beat": [
        (lambda stressed: list(range(len(stressed))), "a stressed syllable is off the beat"),
        (lambda stressed: [2 * n for n in range(len(stressed))], "leaves a hole"),
        (lambda stressed: [0] * len(stressed), "each place once"),
        (lambda stressed: places(stressed)[:-1], "each syllable needs one place"),
    ],
    "one_drop": [
        (lambda: {"kick": "....x..."}, "Give a dictionary with"),
        (with_changes(hat="x.x."), "has not eight signs"),
        (with_changes(kick="x...x..."), "that is rock"),
        (with_changes(snare="..x...x."), "fall together"),
        (with_changes(pluck="1.1.1.1."), "The guitar plays on a beat"),
        (with_changes(bass="........"), "silent all the time"),
        (with_changes(bass="C...G..."), "plays notes 0 to 4"),
        (with_changes(kick="....1..."), "is a drum"),
    ],
}

test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)
