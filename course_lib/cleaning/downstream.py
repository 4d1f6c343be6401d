"""What cleaning does to a model: one training on several versions of a text, the same targets.

Two questions that are easily mixed up. At an *equal budget* each version gives the same number of
tokens, and the better text wins. With *all that is left* a version that threw much away has less to
learn from. Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section 4, ask the first.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from course_lib.history.ngrams import KneserNey
from course_lib.transformer.model import Config, MiniGPT
from course_lib.transformer.optimizer import MuonAndAdamW
from course_lib.workbook.corpus import Corpus
from course_lib.workbook.evaluate import evaluate, get_batch, next_token_loss
from course_lib.workbook.machine import one_thread
from course_lib.workbook.training import TrainingConfig, train

Tokens = Sequence[int]
EvalFn = Callable[[Sequence[Tokens]], float]  # a trained model: documents → their bits in all
TrainFn = Callable[[Sequence[Tokens], int, int], EvalFn]  # (documents, vocab_size, seed)
Target = tuple[Sequence[Tokens], int]  # documents to be judged on, and how many bytes they have
Improvements = dict[tuple[str, str], list[float]]
"""(version, target) → fewer bits than raw text, in per cent, one value a seed."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One model: which version of the text it read, how much of it, and how it does on a target."""

    version: str
    target: str
    seed: int
    num_tokens: int
    bits_per_byte: float


def one_source(corpus: Corpus, max_bytes: int) -> Corpus:
    """Documents of the source with the most text (``origin`` in ``meta``), at most ``max_bytes``.

    Repetition lives within a source, and a sample across all sources would hide it. A corpus
    that names no origins counts as one source.
    """
    origins = [str(document.meta.get("origin", "")) for document in corpus]
    sizes = dict.fromkeys(origins, 0)
    for origin, size in zip(origins, corpus.sizes.tolist(), strict=True):
        sizes[origin] += size
    largest = max(sizes, key=lambda origin: (sizes[origin], origin))
    rows = [row for row, origin in enumerate(origins) if origin == largest]
    return (corpus if len(sizes) == 1 else corpus.select(rows)).sample(max_bytes)


def sample_tokens(
    documents: Sequence[Sequence], max_tokens: int | None, rng: random.Random, max_length: int = 512
) -> list[Sequence]:
    """Documents in random order, up to ``max_tokens`` tokens in all (None: all).

    Long ones are cut into pieces first, so that a single one does not decide a small budget.
    """
    starts = [(row, n) for row, d in enumerate(documents) for n in range(0, len(d), max_length)]
    rng.shuffle(starts)
    taken: list[Sequence] = []
    left = sum(map(len, documents)) if max_tokens is None else max_tokens
    for row, n in starts:
        if left <= 0:
            break
        taken.append(documents[row][n : n + min(max_length, left)])
        left -= len(taken[-1])
    return taken


def ngram_train_fn(order: int = 4) -> TrainFn:
    """Kneser–Ney on tokens."""

    def train_fn(documents: Sequence[Tokens], vocab_size: int, seed: int) -> EvalFn:
        model = KneserNey(documents, order, range(vocab_size))
        return lambda target: -sum(model.log2_probability(document) for document in target)

    return train_fn


def transformer_train_fn(
    epochs: float = 1.0,
    d_model: int = 64,
    n_layers: int = 2,
    block_size: int = 64,
    batch_size: int = 16,
) -> TrainFn:
    """A small transformer in Falcon's shape. Twice the text is twice the steps.

    On one thread: for so small a model more of them cost more than they gain.
    """

    def train_fn(documents: Sequence[Tokens], vocab_size: int, seed: int) -> EvalFn:
        torch.manual_seed(seed)
        ids = torch.tensor(list(chain.from_iterable(documents)))
        shape = {"n_heads": 2, "n_kv_heads": 1, "block_size": block_size, "bias": False}
        model = MiniGPT(Config(vocab_size, "falcon", d_model, n_layers, **shape))
        steps = max(1, round(epochs * len(ids) / (batch_size * block_size)))
        config = TrainingConfig(steps, 0.01, lr_scheduler_type="wsd", weight_decay=0.1, seed=seed)
        with one_thread():
            train(
                model,
                lambda generator: get_batch(ids, block_size + 1, batch_size, generator),
                next_token_loss,
                config,
                make_optimizer=MuonAndAdamW,
                description="a small model",
            )

        def eval_fn(target: Sequence[Tokens]) -> float:
            ids = torch.tensor(list(chain.from_iterable(target)))
            with one_thread():
                return evaluate(model, ids, block_size).bits_per_token * len(ids)

        return eval_fn

    return train_fn


def run_experiment(
    versions: Mapping[str, Sequence[Tokens]],
    targets: Mapping[str, Target],
    train_fn: TrainFn,
    vocab_size: int,
    *,
    budget: int | None = None,
    fraction: float = 1.0,
    seeds: Sequence[int] = (0, 1, 2),
) -> list[RunResult]:
    """Every version of the text with every seed, judged on every target.

    budget     tokens that each version gives; None: all that it has. More than the smallest version
               has is a ``ValueError``: that version could not keep up.
    fraction   without a budget: the part of its tokens that each version gives

    Versions that give the same tokens (a step that found nothing to do) are trained once.
    """
    smallest = min((sum(map(len, documents)) for documents in versions.values()), default=0)
    if not smallest or not targets or (budget is not None and not 0 < budget <= smallest):
        raise ValueError(
            f"the smallest version has {smallest:,} tokens: take a budget up to that, and a target"
        )
    results, known = [], {}
    for version, documents in versions.items():
        max_tokens = budget or max(1, round(fraction * sum(map(len, documents))))
        for seed in seeds:
            part = sample_tokens(documents, max_tokens, random.Random(seed))
            key = seed, tuple(map(tuple, part))
            if key not in known:
                eval_fn = train_fn(part, vocab_size, seed)
                known[key] = {n: eval_fn(text) / size for n, (text, size) in targets.items()}
            num_tokens = sum(map(len, part))
            results += [RunResult(version, n, seed, num_tokens, b) for n, b in known[key].items()]
    return results


def relative_improvement(results: Sequence[RunResult], raw: str = "raw") -> Improvements:
    """The improvement of each version over ``raw``, seed by seed: above 0 it needs fewer bits."""
    base = {(r.target, r.seed): r.bits_per_byte for r in results if r.version == raw}
    better: Improvements = {}
    for r in results:
        if r.version != raw:
            gain = 100 * (1 - r.bits_per_byte / base[r.target, r.seed])
            better.setdefault((r.version, r.target), []).append(gain)
    return better
