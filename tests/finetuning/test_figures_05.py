"""What the figures of notebook 05 say in words; every one can be drawn."""

import pytest
import torch

from course_lib.finetuning import figures, figures_training
from course_lib.finetuning.memory import estimate
from course_lib.finetuning.nf4 import levels
from course_lib.finetuning.train import Outcome
from course_lib.transformer.scaling import FALCON_7B

RUN = Outcome(
    None,
    [(n, 5 - n / 20) for n in range(1, 31)],
    [(10, 4.2), (20, 4.0), (30, 4.0)],
    best=20,
    stable=30,
)


def test_the_sentence_names_what_is_seen() -> None:
    bars = figures.memory_bars({"4 bits": estimate(FALCON_7B, "qlora")})
    assert f"4 bits {estimate(FALCON_7B, 'qlora').total / 1e9:.1f} GB" in bars.sentence
    line = figures.on_a_line([0.1, 0.12, 0.9], [0.0, 0.5, 1.0], "Three")
    assert "3 weights" in line.sentence and "2 levels are used" in line.sentence
    flat, low = torch.eye(64), torch.ones(64, 64)
    assert "low 100%" in figures.singular_values({"low": low, "flat": flat}, 8).sentence
    assert "flat 12%" in figures.singular_values({"flat": flat}, 8).sentence
    told = figures_training.curve(RUN, 2, 0.01).sentence
    assert "from 4.20 (step 10) to 4.00 (step 20, kept)" in told and "ended it at step 30" in told
    swept = figures_training.swept(
        {"rank": {"2": 4.0, "16": 3.0}, "rate": {"low": 5.0, "high": 6.0}}
    )
    assert "rank: best 16; rate: best low" in swept.sentence
    own = figures_training.amounts(
        {"own": [(100, 5.0), (900, 4.0)], "both": [(100, 3.0), (900, 2.5)]}, 3.2
    )
    assert "own 4.00; both 2.50; the base as it is 3.20" in own.sentence


@pytest.mark.parametrize("stopped", [True, False])
def test_every_figure_can_be_drawn(stopped: bool) -> None:
    weights = torch.randn(64, 64).clamp(-3, 3) / 3
    run = RUN if stopped else Outcome(None, RUN.losses, RUN.evaluations, best=7)
    drawn = [
        figures.what_you_will_build(),
        figures.memory_bars({"a": estimate(FALCON_7B, "full")}),
        figures.on_a_line([0.1], [0.0, 1.0], "One"),
        figures.levels_on_weights(weights, {kind: levels(kind) for kind in ("int4", "nf4")}),
        figures.error_by_bits({"whole": [(2.5, 0.5), (4.5, 0.1)]}, {"NF4": (4.1, 0.09)}),
        figures.singular_values({"a": weights}, 8),
        figures_training.curve(run, 2, 0.01),
        figures_training.before_and_after({"songs": (3.0, 2.0)}),
        figures_training.amounts({"own": [(100, 5.0)]}, 3.2),
        figures_training.swept({"rank": {"2": 4.0, "16": 4.0}}),
    ]
    for own in drawn:
        assert own.png().startswith(b"\x89PNG") and own.sentence.endswith((".", ")."))
