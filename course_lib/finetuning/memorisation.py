"""What of the training texts a model can say by heart.

Two measures: the longest passage that generated text shares with the training texts, and how often the
model goes on with a training text word for word when it is given its beginning (Carlini et al. 2023,
"Quantifying memorization across neural language models", section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Overlap:
    """A passage that two texts share: how many tokens, where it begins in each, and in which source."""

    length: int
    start: int = 0
    source: int = -1
    source_start: int = 0


def longest_overlap(written: Sequence[int], sources: Sequence[Sequence[int]]) -> Overlap:
    """The longest run of tokens of ``written`` that stands word for word in a source.

    We look for any shared run that is longer than the best so far, follow it to its end, and look again.
    """
    best = Overlap(0)
    while True:
        size = best.length + 1
        starts = {tuple(written[n : n + size]): n for n in range(len(written) - size + 1)}
        match = next(
            (
                (starts[run], number, place)
                for number, source in enumerate(sources)
                for place in range(len(source) - size + 1)
                if (run := tuple(source[place : place + size])) in starts
            ),
            None,
        )
        if match is None:
            return best
        start, number, place = match
        best = Overlap(common_prefix(written[start:], sources[number][place:]), *match)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens two lists have in common before they part."""
    pairs = zip(first, second, strict=False)
    return next(
        (place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second))
    )


@dataclass(frozen=True)
class Extraction:
    """Of ``num_texts``, how many went on exactly, and what fraction of the tokens was right before the first mistake."""

    num_texts: int
    num_exact: int
    mean_fraction: float


@torch.no_grad()
def extraction(
    model: Any, texts: Sequence[Sequence[int]], prefix: int, continuation: int, batch_size: int = 8
) -> Extraction:
    """Give the model the first ``prefix`` tokens of each text; does it go on with its next ``continuation``?

    The likeliest token is taken each time. Texts (lists of token ids) that are too short are left out.
    Compare with texts that were held out: common phrases are guessed without being remembered.
    """
    size = prefix + continuation
    rows = [list(text[:size]) for text in texts if len(text) >= size]
    if not rows:
        raise ValueError(f"no text has {size} tokens: take a shorter prefix or continuation")
    was_training, right = model.training, []
    model.eval()
    for start in range(0, len(rows), batch_size):
        some = rows[start : start + batch_size]
        ids = torch.tensor([row[:prefix] for row in some], device=model.device)
        written = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=continuation,
            do_sample=False,
            pad_token_id=model.config.pad_token_id,
        )[:, prefix:].tolist()
        right += [common_prefix(w, row[prefix:]) for w, row in zip(written, some, strict=True)]
    model.train(was_training)
    exact = sum(n == continuation for n in right)
    return Extraction(len(rows), exact, sum(right) / continuation / len(rows))
