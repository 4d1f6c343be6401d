"""The checks of the exercises in notebook 01."""

from collections import Counter
from collections.abc import Callable, Sequence
from math import isclose, log, log2

from course_lib.errors import CourseError
from course_lib.history.eliza import Eliza, read_script
from course_lib.workbook.exercises import Wrong, exercise, require

NOTEBOOK = "01_history"


def _must_not_give(value: float, mistakes: dict[float, str]) -> None:
    for wrong, why in mistakes.items():
        require(not isclose(value, wrong, rel_tol=1e-6), f"It gives {value:.3f}: {why}")


@exercise(NOTEBOOK, "1.1")
def bits(answer: Callable[[Sequence[float]], float]) -> str:
    """``answer(probabilities)``: mean bits of letters that a model gave these probabilities."""
    fair = answer([0.5, 0.5, 0.5])
    require(fair >= 0, f"It gives {fair}: log2 of a probability is negative, so turn the sign.")
    mistakes = {
        log(2): "that is the natural logarithm. A coin toss is one bit: use log2.",
        3: "that is for all three coin tosses: divide by the number of letters.",
    }
    _must_not_give(fair, mistakes)
    require(isclose(fair, 1), f"A coin toss is worth 1 bit, and it gives {fair:.3f}.")
    uneven = answer([0.5, 0.125])
    mean_first = "that is the logarithm of the mean. Take the mean of the logarithms."
    _must_not_give(uneven, {-log2(0.3125): mean_first})
    why = f"0.5 costs 1 bit and 0.125 costs 3, which is 2 in the mean; it gives {uneven:.3f}."
    require(isclose(uneven, 2), why)
    return "one bit for a coin toss, and each halving of the probability costs one more."


@exercise(NOTEBOOK, "1.2")
def weather_rule(answer: str) -> str:
    """A rule for the keyword WEATHER, in the script's language, that hands the sentence back."""
    require(isinstance(answer, str), "The rule is a text: put it between quotation marks.")
    require("WEATHER" in answer.upper(), "There is no entry for WEATHER: begin with (WEATHER …")
    try:
        bot = Eliza(read_script(f"(HI) {answer}\n(NONE ((0) (NO RULE FITTED)))"))
    except CourseError as error:
        raise Wrong(str(error)) from error
    first, second = (bot.answer("the weather is terrible today") for _ in range(2))
    why = "No rule fits. Does the decomposition allow words on both sides, as in (0 WEATHER 0)?"
    require(first != "NO RULE FITTED", why)
    why = "Use a number in the answer, so that it hands back what was said after WEATHER."
    require("TERRIBLE" in first, f"It answers “{first}”. {why}")
    why = "It says the same thing twice. Give the rule a second answer; they are used in turn."
    require(second != first, why)
    return f"“{first}” and “{second}”, and it understands nothing of either."


@exercise(NOTEBOOK, "1.3")
def add_one(answer: Callable[[Counter, Counter, str, str], float]) -> str:
    """``answer(pairs, words, first, second)`` = P(second | first), one added to every count."""
    words = Counter({"the": 5, "cat": 2, "sat": 2, "mat": 1})
    pairs = Counter({("the", "cat"): 2, ("the", "mat"): 1, ("cat", "sat"): 2})
    value = answer(pairs, words, "the", "cat")
    mistakes = {
        2 / 5: "nothing was added: that is the plain share.",
        3 / 5: "you added above and not below, so all words together make more than one.",
        3 / 6: "below, one must be added for each of the different words, not one in all.",
        3 / 15: "add the number of *different* words, `len(words)`, not of all words.",
    }
    _must_not_give(value, mistakes)
    why = (
        f"“the cat” occurs 2 times, “the” 5 times, among 4 words: 3 / 9, and it gives {value:.3f}."
    )
    require(isclose(value, 3 / 9), why)
    total = sum(answer(pairs, words, "dog", word) for word in words)
    require(isclose(total, 1), f"After “dog”, never seen, the words sum to {total:.2f}, not to 1.")
    return "nothing is impossible, and it still sums to one; only far too much goes to the unseen."


@exercise(NOTEBOOK, "1.4")
def causal(answer: Callable[[int], list[list[bool]]]) -> str:
    """``answer(n)``: row i, column j is True where word i may look at word j."""
    mask = [list(map(bool, row)) for row in answer(3)]
    require([len(row) for row in mask] == [3] * 3, "For 3 words it has 3 rows of 3 entries.")
    why = "Everybody may look at everybody: that is BERT's mask, not GPT's."
    require(not all(map(all, mask)), why)
    require(mask[0][0], "Word 0 may not look at itself, so it has nothing to look at at all.")
    why = "Word 0 may look at word 2, which comes later: the mask is the wrong way round."
    require(not (mask[0][2] and not mask[2][0]), why)
    right = mask == [[j <= i for j in range(3)] for i in range(3)]
    require(right, f"The rows are {mask}: allow j up to i, no further.")
    return "every word sees itself and what is to its left, and no word sees its future."
