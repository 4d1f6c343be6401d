"""Exercise 4.1 of notebook 04: solution, stub, and typical mistakes with their own diagnosis."""

from collections import Counter

import pytest

from course_lib.cleaning import checks


def share(
    text: str, strip: bool = True, blank: bool = False, first: bool = False, guard: bool = True
) -> float:
    lines = [line.strip() if strip else line for line in text.split("\n")]
    lines = lines if blank else [line for line in lines if line.strip()]
    counts = Counter(lines)
    repeats = sum(count - (not first) for count in counts.values() if count > 1)
    return repeats / len(lines) if lines or not guard else 0.0


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


MISTAKES = [
    (lambda text: share(text) > 0.3, "decided later"),
    (lambda text: [], "decided later"),
    (lambda text: len(lines_of(text)) - len(set(lines_of(text))), "that is the count"),
    (lambda text: 100 * share(text), "percentage"),
    (lambda text: share(text, first=True), "It is new when it comes"),
    (lambda text: share(text, blank=True), "Blank lines take part"),
    (
        lambda text: share(text) * len(lines_of(text)) / len(text.split("\n")),
        "Blank lines take part",
    ),
    (
        lambda text: (
            (len(lines_of(text)) - len(set(lines_of(text)))) / max(1, len(set(lines_of(text))))
        ),
        "different ones",
    ),
    (
        lambda text: sum(n > 1 for n in Counter(lines_of(text)).values()) / len(lines_of(text)),
        "every later copy",
    ),
    (lambda text: share(text, strip=False), "take them off"),
    (lambda text: share(text, guard=False), "not an error"),
    (lambda text: 0.123, "0.123"),
]


def test_the_solution_passes_and_the_stub_says_not_yet(fresh_home: object) -> None:
    result = checks.repeated_share(share, solution=True)
    assert result.passed, result
    assert checks.repeated_share(lambda _: None).status == "Not yet"


@pytest.mark.parametrize(("mistake", "diagnosis"), MISTAKES)
def test_mistakes_get_their_diagnosis(mistake: object, diagnosis: str, fresh_home: object) -> None:
    result = checks.repeated_share(mistake)
    assert result.status == "Look again" and diagnosis in result.message, result
