"""What cleaning does to a model: one training on several versions of a text, the same targets.

Two questions that are easily mixed up. At an *equal budget* each version gives the same number of
tokens, and the better text wins. With *all that is left* a version that threw much away has less to
learn from. Penedo et al. 2023, "The RefinedWeb Dataset for Falcon LLM", section 4, ask the first.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice

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

    Repetition lives within a source, and a sample across all sources would hide it.
    """
    sizes: Counter[str] = Counter()
    origins = [str(document.meta.get("origin", "")) for document in corpus]
    for origin, size in zip(origins, corpus.sizes.tolist(), strict=True):
        sizes[origin] += size
    largest = max(sizes, key=lambda origin: (sizes[origin], origin))
    rows = [row for row, origin in enumerate(origins) if origin == largest]
    return corpus.select(rows).sample(max_bytes)


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
    """A small transformer in Falcon's shape, on one thread. Twice the text is twice the steps."""

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

    budget     tokens that each version gives; None: all that it has
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


# --- Feedback loops: what becomes of a model that learns from what models before it have written.
#
# Shumailov et al. 2024, "AI models collapse when trained on recursively generated data", replaces
# the text in every generation; Gerstgrasser et al. 2024, "Is model collapse inevitable?", keeps the
# real text and adds to it. Both ways are here, each beside as much real text instead.

MODES = {
    "replace": "only what the last model wrote",
    "a tenth real": "nine tenths written by the last model, one tenth real",
    "accumulate": "the real text and all that models wrote",
    "new real text": "real text that no generation has seen, as much as in `replace`",
    "more real text": "real text, as much as in `accumulate`",
}
MAX_LENGTH = 100  # words of a document: no single one fills a generation


@dataclass(frozen=True, slots=True)
class Generation:
    """One model of the chain; number 0 learned from real text.

    perplexity   on real held-out text, every generation with the same vocabulary
    num_types    different words in what it learned from, of ``num_tokens`` words in all
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
    documents: Sequence[Sequence[str]],
    held_out: Sequence[Sequence[str]],
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
