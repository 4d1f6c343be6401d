"""What figures of notebook 03 say in words, and how they write tokens."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.transformer import figures
from course_lib.workbook.training import History


def test_tokens_are_written_so_that_blanks_are_seen() -> None:
    assert figures.label(" é\tfile$\n") == r"·é→file\$↵"


def test_the_sentence_names_what_is_seen() -> None:
    bars = figures.next_tokens(["x", "y", "z"], [0.75, 0.25, 0.0], [0.6, 0.3, 0.1], "p")
    assert "2 can be drawn" in bars.sentence and "75% instead of 60%" in bars.sentence
    cost = figures.token_bits(["x", "y"], [1.0, 9.0])
    assert "“y” surprised the model most, with 9.0 bits; the mean (dashed) is 5.0" in cost.sentence
    with pytest.raises(CourseError, match="longer text"):
        figures.token_bits([], [])
    guesses = [["a", "b"], ["a", "c"]]
    lens = figures.lens(guesses, torch.tensor([[0.5, 0.9], [0.1, 0.2]]), ["x", "y"])
    assert "at 1 of 2 places" in lens.sentence


def test_the_sentence_below_a_loss_is_computed() -> None:
    falls = figures.loss_curve(History(losses=[3.0, 2.0, 1.5], evaluations=[(3, 1.6)]))
    rises = figures.loss_curve(History(losses=[1.5, 2.0, 3.0]))
    assert "falls: 3.00 at the start, 1.50 at the end" in falls.sentence
    assert "does not fall: 1.50 at the start, 3.00" in rises.sentence


def test_every_figure_can_be_drawn() -> None:
    drawn = [
        figures.two_blocks(),
        figures.cuts([("one", ["a ", "b"]), ("two", ["a b"])]),
        figures.weight_maps([torch.eye(2)], ["a", "b"], ["one"], "A sentence."),
        figures.weight_maps([torch.eye(2)[:1]] * 3, ["a", "b"], list("xyz"), "A sentence."),
        figures.scaling([1e9, 1e10], [3.0, 2.5], [3.0, 1.9], ["s", "m"], (1e12, 1.5, "far")),
    ]
    for own in drawn:
        assert own.png().startswith(b"\x89PNG") and own.sentence.endswith((".", ")."))
