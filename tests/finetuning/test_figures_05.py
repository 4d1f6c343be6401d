"""What the figures of notebook 05 say in words; every one can be drawn."""

import re

import pytest
import torch

from course_lib.finetuning import figures
from course_lib.finetuning.memory import estimate
from course_lib.finetuning.nf4 import codebook
from course_lib.transformer.scaling import FALCON_7B

WEIGHTS = torch.randn(64, 64).clamp(-3, 3) / 3
NEED = estimate(FALCON_7B, "qlora")
OWN = {"own": [(100, 5.0), (900, 4.0)], "both": [(100, 3.0), (900, 2.5)]}


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (figures.memory_bars({"4 bits": NEED}), f"4 bits {NEED.total / 1e9:.1f} GB"),
        (
            figures.on_a_line([0.1, 0.12, 0.9], [0.0, 0.5, 1.0], "Three"),
            "3 weights .* 2 levels are",
        ),
        (figures.levels_on_weights(WEIGHTS, {"nf4": codebook("nf4")}), "range: nf4 7"),
        (
            figures.error_by_bits([(2.5, 0.4), (4.5, 0.1)], {"NF4": (4.1, 0.09)}),
            "grows 2.0-fold. At four bits: even steps 0.100, NF4 0.090",
        ),
        (
            figures.error_by_bits([(2.5, 0.9), (4.5, 0.1)], {"NF4": (4.1, 0.09)}),
            "grows 3.0-fold",  # what is said is computed
        ),
        (
            figures.singular_values({"low": torch.ones(64, 64), "flat": torch.eye(64)}, 8),
            "low 100%, flat 12%",
        ),
        (figures.data_scaling(OWN, 3.2), "own 4.00; both 2.50; the base as it is 3.20"),
    ],
)
def test_the_sentence_names_what_is_seen(drawn: figures.DescribedFigure, words: str) -> None:
    assert re.search(words, drawn.sentence)
    assert drawn.png().startswith(b"\x89PNG") and drawn.sentence.endswith((".", ")."))
