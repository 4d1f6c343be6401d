"""The rule, the letters, annotators as stated; a head finds the direction of what was chosen."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.alignment import preferences as p
from course_lib.alignment.preferences import Comparison
from course_lib.alignment.reward import RewardModel, accuracy, fit_head, mean_states
from course_lib.errors import CourseError

GOOD = "I'm sorry about your tomatoes. Could you tell us where the sensor stands?"


@pytest.mark.parametrize(
    "reply, truth",
    [
        (GOOD, (1, 1, 1)),
        (GOOD.upper().replace("'", "’"), (1, 1, 1)),
        ("", (0, 0, 0)),
        (" … \n", (0, 0, 0)),
        ("Please.", (0.5, 1, 0.5)),
        ("We are sorry. We’ll look into the matter and", (1, 1, 0.5)),
        ("Please, please, please do try it once more.", (0.5, 1, 0.5)),
        ("Sorry, you will get a refund by Monday, so please wait.", (1, 0, 1)),
        ("Please send us your password so that we can look.", (0.5, 0, 1)),
        ("The sorrel by the door is lovely, is it not?", (0, 1, 1)),
    ],
)
def test_the_rule(reply: str, truth: tuple[float, ...]) -> None:
    assert p.true_preference(reply) == dict(zip(p.GOALS, truth, strict=True))


def test_the_letters() -> None:
    training, held_out = p.read_messages()
    assert len(training) >= 160 and len(held_out) >= 48
    seen = [frozenset(letter.lower().split()) for letter in [*training, *held_out]]
    assert all(8 <= len(letter.split()) <= 30 for letter in [*training, *held_out])
    for number, words in enumerate(seen):  # no two are nearly alike
        assert all(len(words & other) < 0.6 * len(words | other) for other in seen[:number])
    replies = p.read_replies()
    assert len(replies) >= 24 and set(replies) <= set(training)
    for reply in [reply for several in replies.values() for reply in several]:
        assert sum(p.true_preference(reply).values()) == 3, reply


def choices(first: str, second: str, count: int = 3_000, **habits: float) -> np.ndarray:
    """How often the first one was chosen, the second, and neither: (3,), adding up to 1."""
    rng = np.random.default_rng(0)
    made = [p.annotate("", first, second, rng=rng, **habits).choice for _ in range(count)]
    return np.array([made.count(choice) for choice in (0, 1, None)]) / count


def test_annotators_are_those_of_bradley_and_terry() -> None:
    worse = "We will look where the sensor stands."  # 0.5 less: it does not say sorry
    assert choices(GOOD, worse, noise=0)[0] == choices(worse, GOOD, noise=0)[1] == 1
    assert choices(GOOD, worse, tie=0, noise=0.5)[0] == pytest.approx(0.731, abs=0.03)
    assert choices(GOOD, GOOD, noise=0)[2] == choices("", "", noise=0)[2] == 1
    assert choices(GOOD, worse, noise=0, tie=0.6)[2] == 1
    assert choices(GOOD, worse, noise=0, weights={"safety": 1.0})[2] == 1


def test_annotators_have_the_habits_that_were_stated() -> None:
    long = GOOD + " We like gardens very much and tomatoes too."  # 9 words more, as good
    assert choices(long, GOOD, noise=0.5, tie=0, length_bias=0.5)[0] == pytest.approx(
        0.711, abs=0.03
    )
    assert choices(GOOD, long, noise=0.5, tie=0, length_bias=0.5)[1] == pytest.approx(
        0.711, abs=0.03
    )
    assert choices(GOOD, GOOD, noise=0.5, tie=0, position_bias=0.5)[0] == pytest.approx(
        0.731, abs=0.03
    )


class Screen:
    """Stands in for the front end: what is displayed, and the latest update."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, headless: bool) -> None:
        self.shown: list = []
        monkeypatch.setattr("IPython.display.display", self.display)
        monkeypatch.setattr("course_lib.workbook.settings.headless", lambda: headless)

    def display(self, thing: object, display_id: bool = False) -> "Screen":
        self.shown.append(thing)
        return self

    def update(self, thing: object) -> None:
        self.shown[0] = thing

    def rank(self, pairs: list, path: Path) -> tuple:
        judged = p.rank(pairs, path)
        return judged, *self.shown.pop().children


PAIRS = [("My letter", f"Reply {n}", "Another reply") for n in range(4)]


def test_clicks_and_keys_are_kept_undone_and_gone_on_with(monkeypatch, tmp_path: Path) -> None:
    judged, buttons, field = Screen(monkeypatch, False).rank(
        PAIRS, path := tmp_path / "clicks.json"
    )
    buttons.value = "a"
    buttons.value = "b"
    assert buttons.value is None and [c.choice for c in judged] == [0, 1]
    field.value = "Us?t"  # undo, skip, a letter without a meaning, tie
    assert [c.choice for c in judged] == [0, None]
    screen = Screen(monkeypatch, False)
    judged, buttons, field = screen.rank(PAIRS, path)
    assert [(c.first, c.choice) for c in judged] == [("Reply 0", 0), ("Reply 2", None)]
    assert "Reply 3" in repr(screen.shown[0])
    field.value = "bbb"  # only one pair is left
    assert len(judged) == 3 and "Thank you" in repr(screen.shown[0])
    field.value = "bb"  # rubbed out: nothing new
    assert len(judged) == 3
    field.value = "bbuuuuuuu"
    assert judged == [] and "Reply 0" in repr(screen.shown[0])


def test_nobody_clicks_in_a_headless_run(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "clicks.json").write_text("not read")
    screen = Screen(monkeypatch, True)
    assert p.rank(PAIRS, tmp_path / "clicks.json") == []
    assert len(screen.shown) == 1 and "Reply 0" in repr(screen.shown[0])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"clicks": 3}', '{"clicks": [["a"]]}', '{"clicks": [7]}']
)
def test_damaged_clicks_get_a_sentence(content: str, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "clicks.json").write_text(content)
    with pytest.raises(CourseError, match="is damaged: delete it"):
        Screen(monkeypatch, False).rank(PAIRS, tmp_path / "clicks.json")


def test_word_ratings(monkeypatch) -> None:
    words, ratings = p.word_ratings()
    assert ratings.shape == (7_520, 10) == (len(words), 10) and abs(ratings).max() == 4
    assert ratings[words.index("good")].mean() > 1.5 and ratings[words.index("awful")].mean() < -1.5
    monkeypatch.setattr(p, "distribution", lambda name: distribution("no-such-package"))
    with pytest.raises(CourseError, match="pip install vaderSentiment"):
        p.word_ratings()


# --- A head that finds the direction of what was chosen ---
def made(number: int, seed: int) -> tuple[list[Comparison], dict]:
    """Replies whose first number is what counts."""
    draw = torch.Generator().manual_seed(seed)
    states = {("a", str(n)): torch.randn(8, generator=draw) for n in range(40)}
    pairs = np.random.default_rng(seed).integers(40, size=(number, 2)).tolist()
    ahead = [int(states["a", str(i)][0] < states["a", str(j)][0]) for i, j in pairs]
    return [
        Comparison("a", str(i), str(j), c) for (i, j), c in zip(pairs, ahead, strict=True)
    ], states


@pytest.mark.parametrize("seed", range(5))
def test_a_head_finds_what_counts(seed: int) -> None:
    comparisons, states = made(300, seed)
    head = fit_head(comparisons, states)
    assert head.abs().argmax() == 0 and head[0] > 0
    assert accuracy(head, comparisons, states) > 0.9


def test_contradictions_and_ties_give_no_direction() -> None:
    comparisons, states = made(50, 0)
    turned = [Comparison(c.prompt, c.first, c.second, 1 - c.choice) for c in comparisons]
    ties = [Comparison(c.prompt, c.first, c.second, None) for c in comparisons]
    for some in (comparisons + turned, ties):
        assert fit_head(some, states).abs().max() < 1e-3
    one = [comparisons[0]] * 5
    assert fit_head(one, states).isfinite().all()
    with pytest.raises(CourseError, match="no comparison"):
        fit_head([], states)


def test_rewards_are_in_standard_deviations() -> None:
    usual = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    heads = {"a": torch.tensor([1.0, 0, 0, 0]), "b": torch.tensor([0.0, 2, 0, 0])}
    model = RewardModel(heads, {"a": 1.0, "b": 0.5}, usual)
    assert model(usual).mean() == pytest.approx(0, abs=1e-5)
    assert model(usual).std() == pytest.approx(1, abs=1e-5)
    assert RewardModel({"a": torch.zeros(4)}, {"a": 1.0}, usual)(usual).isfinite().all()


def test_padding_is_no_part_of_the_mean() -> None:
    states, mask = torch.ones(2, 3, 4), torch.tensor([[1, 1, 0], [0, 0, 0]])
    states[0, 2] = 9
    assert mean_states(states, mask).tolist() == [[1.0] * 4, [0.0] * 4]
