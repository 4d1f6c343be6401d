"""The checks of the exercises in notebook 08."""

from collections.abc import Callable, Sequence

from scipy.stats import binom

from course_lib.workbook.exercises import exercise, require

NOTEBOOK = "08_deployment"


@exercise(NOTEBOOK, "8.1")
def verify(answer: Callable[[Sequence[int], Sequence[int]], list[int]]) -> str:
    """``answer(draft, says)``: what is written, of a draft and what the model says at each place.

    ``says`` has one token more than the draft: behind the whole draft the model says one, too.
    """
    for draft, says, right, diagnosis in (
        (
            [5, 6, 7],
            [5, 6, 7, 8],
            [5, 6, 7, 8],
            "All is right, and the model's own next token is free.",
        ),
        ([5, 6, 7], [5, 9, 7, 8], [5, 9], "Behind the first wrong token the model read nonsense."),
        ([5], [4, 3], [4], "The first token is wrong: take the model's, and nothing more."),
        ([], [4], [4], "Without a draft the model writes its one token."),
    ):
        given = answer(draft, says)
        require(isinstance(given, list), "Give a list of tokens.")
        require(
            given == right,
            f"draft {draft}, the model says {says}: {right} is written, not {given}. {diagnosis}",
        )
    return "what is written is what the model would have written alone."


@exercise(NOTEBOOK, "8.2")
def in_the_system(answer: Callable[[float, float], float]) -> str:
    """``answer(rate, seconds)``: how many requests are being served, on average."""
    given = answer(4.0, 1.5)
    for wrong, diagnosis in (
        (4.0 / 1.5, "You divide: a longer stay must mean *more* requests in the house, not fewer."),
        (1.5 / 4.0, "You divide the stay by the rate: twice the arrivals make twice the crowd."),
        (5.5, "You add: a rate and a time have different units."),
    ):
        require(abs(given - wrong) > 1e-9, diagnosis)
    require(abs(given - 6) < 1e-9, f"4 a second that stay 1.5 s each are 6 at a time, not {given}.")
    require(answer(0.5, 0.2) == 0.1, "One arrival in two seconds that stays 0.2 s: 0.1 on average.")
    return "arrivals a second times seconds of stay (Little 1961)."


@exercise(NOTEBOOK, "8.3")
def dollars_a_million(answer: Callable[[float, float, float], float]) -> str:
    """``answer(dollars_an_hour, tokens_a_second, busy)``: the price of a million tokens."""
    given, right = answer(1.0, 100.0, 0.25), 1e6 / (3600 * 100 * 0.25)
    for wrong, diagnosis in (
        (right / 4, "That is a machine that is always busy: it costs the same when it idles."),
        (right / 16, "Idle time makes tokens dearer: divide by the busy share, do not multiply."),
        (right * 3600, "An hour has 3,600 seconds: how many tokens are written in one?"),
        (right / 1e6, "That is the price of one token: a million cost a million times as much."),
        (1 / right, "That is millions of tokens for a dollar: turn it round."),
    ):
        require(abs(given / wrong - 1) > 1e-6, diagnosis)
    require(abs(given / right - 1) < 1e-6, f"It is {right:.2f} dollars, not {given:.2f}.")
    return "whoever pays for an hour pays for its idle minutes, too."


@exercise(NOTEBOOK, "8.4")
def alarming(answer: Callable[[int, int, float], bool]) -> str:
    """``answer(wrong, asked, usual)``: so many wrong ones would be chance less than once in 100."""
    cases = ((1, 20, 0.05), (5, 20, 0.05), (16, 100, 0.1), (6, 40, 0.05), (14, 60, 0.1))
    for wrong, asked, usual in cases:
        chance = float(binom.sf(wrong - 1, asked, usual))
        given = answer(wrong, asked, usual)
        why = f"{wrong} of {asked} wrong, usually {usual:.0%}: so many or more come by chance with "
        why += f"probability {chance:.4f}"
        exact = f"{why}. Count the *or more*: `binom.sf(k, …)` begins above k."
        tail = binom.sf(wrong, asked, usual) < 0.01 <= chance
        require(bool(given) == (chance < 0.01), exact if tail else f"{why}: alarm below 0.01.")
    require(not answer(3, 25, 0.04), "3 of 25, usually 4%: chance does that once in 13 times.")
    return "a rate that was measured on few prompts may move without any cause."
