"""Feedback loops: what becomes of a model that learns from what models before it have written.

Shumailov et al. 2024, "AI models collapse when trained on recursively generated data", replaces
the text in every generation; Gerstgrasser et al. 2024, "Is model collapse inevitable?", keeps the
real text and adds to it. Both ways are here, each beside as much real text instead.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice

from course_lib.cleaning.downstream import sample_tokens
from course_lib.history.ngrams import KneserNey

MODES = {
    "replace": "only what the last model wrote",
    "a tenth real": "nine tenths written by the last model, one tenth real",
    "accumulate": "the real text and all that models wrote",
    "new real text": "real text that no generation has seen, as much as in `replace`",
    "more real text": "real text, as much as in `accumulate`",
}
MAX_LENGTH = 100  # words of a document: no single one fills a generation
Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Generation:
    """One model of the chain: its number (0: learned from real text) and its training text.

    perplexity   on real held-out text, every generation with the same vocabulary
    num_types    different words in what it learned from, of ``num_tokens`` words in all
    sample       how a text of this model begins
    """

    number: int
    perplexity: float
    num_types: int
    num_tokens: int
    sample: str


def write(model: KneserNey, num_tokens: int, rng: random.Random) -> list[list[str]]:
    """Documents drawn from a model until there are this many words."""
    written: list[list[str]] = []
    left, empty = num_tokens, 0
    while left > 0 and empty < 1_000:
        document = [str(word) for word in model.generate(min(MAX_LENGTH, left), rng)]
        left, empty = left - len(document), 0 if document else empty + 1
        written += [document] if document else []
    return written


def chain_of_models(
    documents: Sequence[Words],
    held_out: Sequence[Words],
    mode: str,
    *,
    num_tokens: int,
    num_generations: int = 6,
    order: int = 3,
    seed: int = 0,
) -> list[Generation]:
    """Models that learn one after the other, as ``MODES[mode]`` says; the first from real text.

    documents   real text; the first model takes ``num_tokens`` words of it, the controls need more
    held_out    real text to be judged on, no document of which is in ``documents``

    Returns ``num_generations`` + 1 of them. ``ValueError`` without text or for another mode.
    """
    rng = random.Random(seed)
    shuffled = sample_tokens(documents, None, rng, MAX_LENGTH)
    vocabulary = {word for document in shuffled for word in document}
    real = training = sample_tokens(shuffled, num_tokens, random.Random(seed), MAX_LENGTH)
    if mode not in MODES or not real or not held_out:
        raise ValueError(f"a chain needs text, held-out text and a mode out of {', '.join(MODES)}")
    results = []
    for number in range(num_generations + 1):
        writer = KneserNey(training, order)  # knows its own words only: what is lost stays lost
        judged = KneserNey(training, order, vocabulary)
        sample = " ".join(chain.from_iterable(write(writer, 16, random.Random(seed))))
        words = list(chain.from_iterable(training))
        perplexity = judged.perplexity(held_out)
        results.append(Generation(number, perplexity, len(set(words)), len(words), sample))
        if number == num_generations:
            break
        if mode == "replace":
            training = write(writer, num_tokens, rng)
        elif mode == "a tenth real":
            tenth = num_tokens // 10
            training = write(writer, num_tokens - tenth, rng) + sample_tokens(real, tenth, rng)
        elif mode == "accumulate":
            training = training + write(writer, num_tokens, rng)
        else:  # another part of the real text, or more of it; from its start again at the end
            new = mode == "new real text"
            start, end = (number + 1 if new else 0) * num_tokens, (number + 2) * num_tokens
            stream = cycle(chain.from_iterable(shuffled))
            part = list(islice(stream, start, end))
            training = [part[n : n + MAX_LENGTH] for n in range(0, len(part), MAX_LENGTH)]
    return results
