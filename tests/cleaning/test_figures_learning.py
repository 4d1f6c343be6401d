"""The figures of repairs, labels and models: they draw, and say what they show."""

import numpy as np
import pytest

from course_lib.cleaning import figures_learning as learning
from course_lib.cleaning.feedback import Generation
from course_lib.cleaning.truth import Score

SCORES = [Score("tag", 4, 4, 4, 4), Score("copy", 2, 0, 0, 0), Score("advert", 0, 0, 3, 0)]
GAINS = {("new", "a"): [50.0, 33.4], ("new", "b"): [1.0, 1.0]}
MODELS = [Generation(n, 100.0 * (n + 1), 50 - n, 90, "the") for n in range(3)]


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (learning.marked_page(["a $x$ line", "Am  G", ""], {1: "chord line"}, "A page"), "1 (33%)"),
        (learning.marked_page([], {}, "Nothing"), "0 lines"),
        (learning.precision_and_recall({s.kind: s for s in SCORES}, "Found"), "1 of 2 kinds"),
        (learning.step_by_step(["nothing", "label"], [5_000, 12], [0, 3]), "5,000 defects to 12"),
        (
            learning.label_curves([5, 10], {"a": np.array([[0.5, 1.0], [0.7, 0.8]])}),
            "a: 60 % with 5, 90 % with 10",
        ),
        (learning.improvements({"equal budget": GAINS, "rest": GAINS}, "T"), "to +41.7 % (new)"),
        (learning.chains({"replace": MODELS, "new real text": MODELS}), "replace 100 → 300"),
    ],
)
def test_figures_draw_and_say_what_they_show(figure: object, said: str) -> None:
    assert said in figure.sentence and figure.png().startswith(b"\x89PNG")
