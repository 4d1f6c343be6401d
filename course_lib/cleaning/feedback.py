"""Feedback loops: what becomes of a model that learns from what models before it have written.

Shumailov et al. 2024, "AI models collapse when trained on recursively generated data", replaces
the text in every generation; Gerstgrasser et al. 2024, "Is model collapse inevitable?", keeps the
real text and adds to it. Both ways are here, each beside a control that gets the same volume of
real text instead.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey

MODES = {
    "replace": "only what the last model wrote",
    "a tenth real": "nine tenths written by the last model, one tenth real",
    "accumulate": "the real text and all that models wrote",
    "new real text": "real text that no generation has seen, as much as in `replace`",
    "more real text": "real text, as much as in `accumulate`",
}
LONGEST = 100  # words of a document; longer ones are cut, so that no single one fills a generation
Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class Generation:
    """One model of the chain: its number (0: learned from real text), what it learned from, how good it is.

    perplexity  on real held-out text, every generation with the same vocabulary
    kinds       different words in what it learned from
    tokens      words in all
    sample      how a text of this model begins
    """

    number: int
    perplexity: float
    kinds: int
    tokens: int
    sample: str


def cut(documents: Sequence[Words], tokens: int, rng: random.Random) -> list[list[str]]:
    """Documents in random order up to this many words; the last one is cut."""
    order, taken, left = list(range(len(documents))), [], tokens
    rng.shuffle(order)
    for row in order:
        if left <= 0:
            break
        taken.append(list(documents[row][:left]))
        left -= len(taken[-1])
    return [document for document in taken if document]


def write(
    model: KneserNey, tokens: int, rng: random.Random, longest: int = LONGEST
) -> list[list[str]]:
    """Documents drawn from a model until there are this many words."""
    written: list[list[str]] = []
    size = empty = 0
    while size < tokens and empty < 1_000:
        document = [str(word) for word in model.generate(min(longest, tokens - size), rng)]
        size, empty = size + len(document), 0 if document else empty + 1
        written += [document] if document else []
    return written


def chain_of_models(
    documents: Sequence[Words],
    held_out: Sequence[Words],
    mode: str,
    *,
    tokens: int,
    generations: int = 6,
    order: int = 3,
    seed: int = 0,
) -> list[Generation]:
    """Models that learn one after the other, as ``MODES[mode]`` says.

    documents   real text; the first model takes ``tokens`` words of it, the controls need more
    held_out    real text to be judged on, no document of which is in ``documents``

    Returns ``generations`` + 1 of them, the first learned from real text.
    """
    if mode not in MODES or tokens < 1 or generations < 1:
        raise CourseError(
            f"A chain needs words, a generation, and a mode out of {', '.join(MODES)}."
        )
    rng = random.Random(seed)
    pieces = [
        document[n : n + LONGEST]
        for document in documents
        for n in range(0, len(document), LONGEST)
    ]
    shuffled = cut(pieces, sum(map(len, pieces)), rng)
    vocabulary = {word for document in shuffled for word in document}
    training = real = cut(shuffled, tokens, random.Random(seed))
    if not real or not held_out:
        raise CourseError(
            "A chain of models needs text to learn from and text to be judged on: give more documents."
        )
    stream = list(chain.from_iterable(shuffled))
    found = []
    for number in range(generations + 1):
        writer = KneserNey(
            training, order
        )  # knows its own words only: what is not written any more is lost
        judged = KneserNey(training, order, vocabulary)
        sample = " ".join(chain.from_iterable(write(writer, 16, random.Random(seed))))
        words = [word for document in training for word in document]
        found.append(
            Generation(number, judged.perplexity(held_out), len(set(words)), len(words), sample)
        )
        if number < generations:
            training = _next(mode, training, real, stream, writer, tokens, number + 1, rng)
    return found


def _next(
    mode: str,
    training: list[list[str]],
    real: list[list[str]],
    stream: list[str],
    model: KneserNey,
    tokens: int,
    number: int,
    rng: random.Random,
) -> list[list[str]]:
    """What the next model learns from."""
    if mode in (
        "new real text",
        "more real text",
    ):  # another part of the real text; from its start again at the end
        first = 0 if mode == "more real text" else number * tokens
        size = tokens * (number + 1 if mode == "more real text" else 1)
        part = [stream[(first + n) % len(stream)] for n in range(size)]
        return [part[n : n + LONGEST] for n in range(0, len(part), LONGEST)]
    if mode == "a tenth real":
        return write(model, tokens - tokens // 10, rng) + cut(real, tokens // 10, rng)
    return (training if mode == "accumulate" else []) + write(model, tokens, rng)
