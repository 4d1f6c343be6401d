"""What cleaning does to a model: the same learner on several versions of a text, judged on the same targets.

Two questions that are easily mixed up. At an *equal budget* each version gives the same number of
tokens, and the better text wins. With *all that is left* a version that threw much away has less to
learn from. Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section 4, ask the first.
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import mean

import torch

from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import MuonAndAdamW
from course_lib.workbook.corpus import Corpus
from course_lib.workbook.evaluate import evaluate, get_batch, next_token_loss
from course_lib.workbook.training import TrainingConfig, train

Tokens = Sequence[int]
Judge = Callable[[Sequence[Tokens]], float]
"""A learned model: documents in, bits in all out."""
Learner = Callable[[Sequence[Tokens], int, int], Judge]
"""``learner(documents, vocabulary, seed)``."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One model: which version of the text it learned from, how many tokens of it, and bits a byte on a target."""

    version: str
    target: str
    seed: int
    tokens: int
    bits: float


@dataclass(frozen=True, slots=True)
class Target:
    """Text to be judged on: its tokens, document by document, and its bytes."""

    documents: Sequence[Tokens]
    bytes: int


def one_source(corpus: Corpus, max_bytes: int) -> Corpus:
    """The documents of the source with the most text (``origin`` in ``meta``), at most ``max_bytes`` of them.

    Repetition lives within a source, and a sample across all sources would hide it. A corpus
    that names no origins counts as one source.
    """
    origins = [str(document.meta.get("origin", "")) for document in corpus]
    sizes: dict[str, int] = {}
    for origin, size in zip(origins, corpus.sizes.tolist(), strict=True):
        sizes[origin] = sizes.get(origin, 0) + size
    largest = max(sizes, key=lambda origin: (sizes[origin], origin))
    rows = [row for row, origin in enumerate(origins) if origin == largest]
    return (corpus if len(sizes) == 1 else corpus.select(rows)).sample(max_bytes)


def drawn(
    documents: Sequence[Tokens], most: int | None, seed: int, longest: int = 512
) -> list[Tokens]:
    """Documents in a seeded order, up to ``most`` tokens (None: all). No more than ``longest`` of one at a time.

    Long documents are cut into pieces, so that a single one does not decide a small budget.
    """
    pieces = [
        document[n : n + longest]
        for document in documents
        for n in range(0, len(document), longest)
    ]
    random.Random(seed).shuffle(pieces)
    if most is None:
        return pieces
    taken: list[Tokens] = []
    for piece in pieces:
        if most <= 0:
            break
        taken.append(piece[:most])
        most -= len(taken[-1])
    return taken


def ngram_learner(order: int = 4) -> Learner:
    """Kneser–Ney on tokens."""

    def learn(documents: Sequence[Tokens], vocabulary: int, seed: int) -> Judge:
        model = KneserNey(documents, order, range(vocabulary))
        return lambda target: -sum(model.log2_probability(document) for document in target)

    return learn


def neural_learner(
    passes: float = 1.0, width: int = 64, layers: int = 2, context: int = 64, batch: int = 16
) -> Learner:
    """A small transformer in Falcon's shape. It reads its text ``passes`` times: twice the text, twice the steps.

    On one thread: for so small a model more of them cost more than they gain.
    """

    def learn(documents: Sequence[Tokens], vocabulary: int, seed: int) -> Judge:
        torch.manual_seed(seed)
        stream = torch.tensor(list(chain.from_iterable(documents)))
        steps = max(1, round(passes * len(stream) / (batch * context)))
        shape = Config(
            vocabulary,
            "falcon",
            width,
            layers,
            n_heads=2,
            n_kv_heads=1,
            block_size=context,
            bias=False,
        )
        model = MiniGPT(shape)
        plan = TrainingConfig(steps, 0.01, lr_scheduler_type="wsd", weight_decay=0.1, seed=seed)
        with one_thread():
            train(
                model,
                lambda generator: get_batch(stream, context + 1, batch, generator),
                next_token_loss,
                plan,
                make_optimizer=MuonAndAdamW,
                description="a small model",
            )

        def judge(target: Sequence[Tokens]) -> float:
            ids = torch.tensor(list(chain.from_iterable(target)))
            with one_thread():
                return evaluate(model, ids, context).bits_per_token * len(ids)

        return judge

    return learn


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within, torch computes on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def trials(
    versions: Mapping[str, Sequence[Tokens]],
    targets: Mapping[str, Target],
    learner: Learner,
    vocabulary: int,
    *,
    budget: int | None = None,
    share: float = 1.0,
    seeds: Sequence[int] = (0, 1, 2),
) -> list[Trial]:
    """Every version of the text with every seed, judged on every target.

    budget   tokens that each version gives; None: all that it has. A budget above the smallest
             version is an error: that version could not keep up.
    share    without a budget: how much of its tokens each version gives, the same part of all

    Versions that give the same tokens (a step that found nothing to do) are learned once.
    """
    least = min((sum(map(len, documents)) for documents in versions.values()), default=0)
    if not least or not targets or (budget is not None and not 0 < budget <= least):
        raise CourseError(
            f"The smallest version has {least:,} tokens: choose a budget from 1 to that, and give a target."
        )
    found, known = [], {}
    for version, documents in versions.items():
        most = budget or max(1, round(share * sum(map(len, documents))))
        for seed in seeds:
            part = drawn(documents, most, seed)
            key = seed, tuple(map(tuple, part))
            if key not in known:
                judge = learner(part, vocabulary, seed)
                known[key] = {
                    name: judge(target.documents) / target.bytes for name, target in targets.items()
                }
            found += [
                Trial(version, name, seed, sum(map(len, part)), bits)
                for name, bits in known[key].items()
            ]
    return found


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better a version is than raw text on a target, in per cent of raw's bits; seeds are paired.

    low, high   smallest and largest gain of a seed
    """

    version: str
    target: str
    mean: float
    low: float
    high: float


def gains(found: Sequence[Trial], raw: str = "raw") -> list[Gain]:
    """The gain of each version over ``raw``: above 0 it needs fewer bits."""
    base = {(trial.target, trial.seed): trial.bits for trial in found if trial.version == raw}
    if not base:
        raise CourseError(
            f"No trial is of the version {raw!r}, so there is nothing to compare with."
        )
    by: dict[tuple[str, str], list[float]] = {}
    for trial in found:
        before = base[trial.target, trial.seed]
        by.setdefault((trial.version, trial.target), []).append(100 * (1 - trial.bits / before))
    return [
        Gain(version, target, mean(values), min(values), max(values))
        for (version, target), values in by.items()
        if version != raw
    ]
