"""The figures of repairs, judges and new tokens: they draw, are labelled, and say what they show."""

import numpy as np
import pytest

from course_lib.cleaning import figures_learning as learning
from course_lib.cleaning.against_truth import Report, Score
from course_lib.cleaning.tokenizer_extension import Term
from course_lib.workbook.figures import DescribedFigure


def report() -> Report:
    scores = [Score("tag", 4, 4, 4, 4), Score("copy", 2, 0, 0, 0), Score("advert", 0, 0, 3, 0)]
    return Report({score.kind: score for score in scores})


FIGURES = [
    (
        lambda: learning.marked_page(["a $x$ line", "Am  G", ""], {1: "chord line"}, "A page"),
        "1 (33%)",
    ),
    (lambda: learning.marked_page([], {}, "Nothing"), "0 lines"),
    (lambda: learning.kinds_cured(report()), "1 of 2 kinds"),
    (
        lambda: learning.step_by_step(["nothing", "lost label"], [5_000, 12], [0, 3]),
        "5,000 defects to 12",
    ),
    (
        lambda: learning.kept_by_kind({"rules": {"good": 1.0, "menu": 0.2, "advert": 0.9}}),
        "rules: advert",
    ),
    (lambda: learning.chances_line([0.1, 0.5, 0.9], [1]), "The 1 documents"),
    (
        lambda: learning.label_curves([5, 10], {"a": np.array([[0.5, 1.0], [0.7, 0.8]])}),
        "a: 60 % with 5, 90 % with 10",
    ),
    (
        lambda: learning.telling_words([("$", -2.0), ("the", 1.0)], top=1),
        "“$” speaks most for dropping",
    ),
    (lambda: learning.terms_saved([Term(" Leaf", 10, 3), Term("土", 4, 3)]), "28 tokens"),
    (lambda: learning.terms_saved([]), "0 words"),
    (
        lambda: learning.before_after({"old": (2.0, 1.9), "new": (2.1, 1.8)}, 5),
        "“new” needs the fewest",
    ),
]


@pytest.mark.parametrize(("draw", "said"), FIGURES)
def test_figures_draw_and_say_what_they_show(draw: object, said: str) -> None:
    figure = draw()
    assert isinstance(figure, DescribedFigure) and said in figure.sentence
    assert figure.png().startswith(b"\x89PNG")
