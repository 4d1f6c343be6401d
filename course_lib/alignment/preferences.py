"""Which of two replies to a customer's letter is better? A hidden rule, and those who choose.

The *true preference* of our customers can be computed, and training never sees it: it sees the
choices of annotators, who err and have habits. They are synthetic, except for the reader.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.display import Table
from course_lib.workbook.figures import explore

LETTERS = places.REPOSITORY / "assets" / "alignment" / "letters.json"
GOALS = ("alignment", "safety", "quality")
EQUAL = dict.fromkeys(GOALS, 1.0)
SORRY = r"\b(sorry|apolog\w+)\b"
NEXT_STEP = r"\b(please|(could|can|would) you|let (me|us)|(we|i)('ll| will)|may i)\b"
INVENTED = (
    r"\d|\b(refunds?|money back|for free|free of charge|gifts?|vouchers?|discounts?|passwords?"
    r"|tomorrow|next (week|month)|within \w+ (hour|day|week)s?"
    r"|(mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)


def true_preference(reply: str) -> dict[str, float]:
    """What our customers think of a reply: 0 to 1 for each of ``GOALS``, by a rule of words.

    alignment   it says sorry (0.5), and politely offers or asks for a next step (0.5)
    safety      it invents nothing (1): no number or day, no refund or gift, no password
    quality     it ends as a sentence does (0.5); it has 6 to 30 words, and none of more than
                three letters comes three times (0.5)

    A reply without a word gets 0 everywhere. It is a toy: real wishes have no such formula.
    """
    text = reply.lower().replace("’", "'").strip()
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)
    if not words:
        return dict.fromkeys(GOALS, 0.0)
    repeats = any(len(word) > 3 and words.count(word) > 2 for word in words)
    ends = re.search(r"\w[.!?][\"'”)]*$", text)
    return {
        "alignment": 0.5 * bool(re.search(SORRY, text)) + 0.5 * bool(re.search(NEXT_STEP, text)),
        "safety": float(not re.search(INVENTED, text)),
        "quality": 0.5 * bool(ends) + 0.5 * (6 <= len(words) <= 30 and not repeats),
    }


@dataclass(frozen=True)
class Comparison:
    """Two replies to one letter. ``choice``: 0, the first is better; 1, the second; None, a tie."""

    prompt: str
    first: str
    second: str
    choice: int | None


def annotate(
    prompt: str,
    first: str,
    second: str,
    *,
    rng: np.random.Generator,
    noise: float = 0.3,
    length_bias: float = 0.0,
    position_bias: float = 0.0,
    tie: float = 0.1,
    weights: Mapping[str, float] = EQUAL,
) -> Comparison:
    """One judgement of a synthetic annotator, who feels the difference in truth with some error.

    noise           the error's scale: without ties P(first) = sigmoid(difference / noise), the
                    model of Bradley and Terry (1952); 0 makes no mistake
    length_bias     points of truth that ten words more seem to be worth
    position_bias   points of truth that the place on the left seems to be worth
    tie             a felt difference of at most this is a tie (Rao and Kupper 1967)
    weights         of the ``GOALS``, by name, 1 each; a goal that is not named counts 0
    """
    truths = [true_preference(reply) for reply in (first, second)]
    felt = sum(weight * (truths[0][goal] - truths[1][goal]) for goal, weight in weights.items())
    longer = len(first.split()) - len(second.split())
    felt += length_bias * longer / 10 + position_bias + noise * rng.logistic()
    return Comparison(prompt, first, second, None if abs(felt) <= tie else int(felt < 0))


def read_messages() -> tuple[list[str], list[str]]:
    """The letters of customers to the handbook's Support: to learn from, and held out."""
    letters = settings.read_json(LETTERS)
    return [*letters["answered"], *letters["training"]], letters["held_out"]


def read_replies() -> dict[str, list[str]]:
    """Replies written by hand to some of the letters to learn from; the truth of each is 3."""
    return settings.read_json(LETTERS)["answered"]


def word_ratings() -> tuple[list[str], np.ndarray]:
    """7,520 words and signs, and what ten people felt at each, from −4 to 4: (words, 10).

    From the text file of the package ``vaderSentiment`` (Hutto and Gilbert 2014, section 3.1).
    """
    try:
        file = distribution("vaderSentiment").locate_file("vaderSentiment/vader_lexicon.txt")
        rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    except (PackageNotFoundError, OSError) as error:
        raise CourseError(
            "No ratings: run `pip install vaderSentiment`, then try again."
        ) from error
    return [row[0] for row in rows], np.array([json.loads(row[3]) for row in rows])


def rank(pairs: Sequence[tuple[str, str, str]], path: Path) -> list[Comparison]:
    """Show pairs (letter, A, B) with buttons; give back a list that grows with each click.

    Each is kept in ``path`` at once, and the next session goes on there. Letters typed into the
    field do what buttons do: ipywidgets knows no keys. A headless run shows the first pair, and
    has no clicks. Raises ``CourseError`` for a damaged file.
    """
    import ipywidgets

    meaning, judged, seen = {"a": 0, "b": 1, "t": None, "s": "skipped"}, [], ""
    new = settings.headless() or not path.exists()
    clicks = [] if new else settings.read_json(path).get("clicks")
    if not isinstance(clicks, list) or any(np.shape(click) != (4,) for click in clicks):
        raise CourseError(f"{path} is damaged: delete it or move it away, then begin anew.")

    def page(button: str | None, typed: str) -> Table:
        nonlocal seen  # the field is only read: to empty it would race with a quick hand
        keys = (button or "") + (typed[len(seen) :].lower() if typed.startswith(seen) else "")
        seen = typed
        for key in ["", *keys]:
            if key == "u":
                del clicks[-1:]
            rest = [pair for pair in pairs if list(pair) not in [click[:3] for click in clicks]]
            if key in meaning and rest:
                clicks.append([*rest.pop(0), meaning[key]])
        if keys:
            settings.write_json(path, {"clicks": clicks})
        buttons.value = None
        judged[:] = [Comparison(*click) for click in clicks if click[3] != "skipped"]
        rows = zip(("letter", "A", "B"), rest[0], strict=True) if rest else [("Thank you!", "")]
        return Table(list(rows), (f"to judge: {len(rest)}", "Which reply is better?"))

    names = {"A is better": "a", "B is better": "b", "tie": "t", "skip": "s", "undo": "u"}
    buttons = ipywidgets.ToggleButtons(options=list(names.items()), value=None)
    field = ipywidgets.Text(placeholder="or type a, b, t, s, u here")
    explore(page, button=buttons, typed=field)
    return judged
