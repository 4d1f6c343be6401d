"""Words of a field as tokens of their own: chosen, added to tokenizer and model, measured.

A general tokenizer spells out what is frequent in a special field. A new token makes texts
shorter, and its row of the embedding has never been trained. transformers starts all new rows
from practically the same vector, the mean of the old ones (Hewitt 2021, "Initializing New Word
Embeddings for Pretrained Language Models", shows why: none is then likelier than everything else).
Here each row starts from the mean of its own old pieces, so that the rows differ from each other.

Models with different tokens are compared in bits per byte, on the same passages, after training
on the same bytes.
"""

import copy
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from course_lib.errors import CourseError
from course_lib.workbook.corpus.words import NO_SPACES
from course_lib.workbook.training import History, TrainingConfig, train

IGNORED = -100  # the label of a place from which nothing is learned
_TERM = re.compile(rf"[{NO_SPACES}]| [^\W\d_{NO_SPACES}]{{3,40}}(?![\w-])")


@dataclass(frozen=True, slots=True)
class Term:
    """A candidate: its text (with the blank before it), how often it occurs, how many tokens it needs now."""

    text: str
    count: int
    pieces: int

    @property
    def saved(self) -> int:
        """Tokens that it would save, had it one of its own."""
        return self.count * (self.pieces - 1)


def choose_terms(
    texts: Iterable[str], tokenizer: Any, most: int = 100, *, least: int = 10, pieces: int = 3
) -> list[Term]:
    """The words that save most tokens: at least ``least`` times in the texts and ``pieces`` tokens long.

    A word is taken with the blank before it, as the tokenizer has its words. In scripts without
    blanks single characters are candidates. The order is the same everywhere.
    """
    counts = Counter(term for text in texts for term in _TERM.findall(text))
    frequent = [(term, count) for term, count in counts.items() if count >= least]
    lengths = [len(_ids(tokenizer, term)) for term, _ in frequent]
    terms = [
        Term(term, count, length) for (term, count), length in zip(frequent, lengths, strict=True)
    ]
    long = [term for term in terms if term.pieces >= pieces]
    return sorted(long, key=lambda term: (-term.saved, term.text))[:most]


def extend(
    model: Any, tokenizer: Any, terms: Sequence[str], *, from_pieces: bool = True
) -> tuple[Any, Any]:
    """(model, tokenizer) with a token for each term; those that were given stay as they are.

    from_pieces   start each new row from the mean of its old pieces; else as transformers does it

    Input and output embedding of Falcon are one matrix; where they are two, both get the rows.
    Raises ``CourseError`` without a new term.
    """
    known = tokenizer.get_vocab()
    new = [term for term in dict.fromkeys(terms) if term.strip() and term not in known]
    if not new:
        raise CourseError(
            "There is no new term to add: every one is a token already, or the list is empty."
        )
    pieces = [_ids(tokenizer, term) for term in new]
    model, tokenizer = copy.deepcopy(model), copy.deepcopy(tokenizer)
    from tokenizers import AddedToken

    tokenizer.add_tokens(
        [AddedToken(term, normalized=False, lstrip=False, rstrip=False) for term in new]
    )
    with _quiet():
        model.resize_token_embeddings(len(tokenizer), mean_resizing=not from_pieces)
    if from_pieces:
        matrices = {
            id(m.weight): m.weight
            for m in (model.get_input_embeddings(), model.get_output_embeddings())
        }
        with torch.no_grad():
            for weight in matrices.values():
                for term, ids in zip(new, pieces, strict=True):
                    weight[tokenizer.convert_tokens_to_ids(term)] = (
                        weight[ids].float().mean(0).to(weight.dtype)
                    )
    return model, tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers explains at length on stderr how it starts new rows; the docstring above says it."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


@dataclass(frozen=True, slots=True)
class Fit:
    """How a tokenizer fits texts: tokens a word (runs of non-blank characters), bytes a token."""

    tokens: int
    fertility: float
    bytes_per_token: float


def fit_of(tokenizer: Any, texts: Sequence[str]) -> Fit:
    """``Fit`` on all texts together. Raises ``CourseError`` where there is no word."""
    words = sum(len(text.split()) for text in texts)
    if not words:
        raise CourseError("There is no word to be cut: give texts that are not empty.")
    tokens = sum(len(_ids(tokenizer, text)) for text in texts)
    return Fit(
        tokens, tokens / words, sum(len(text.encode("utf-8", "replace")) for text in texts) / tokens
    )


def uses(tokenizer: Any, texts: Iterable[str], terms: Sequence[str]) -> dict[str, int]:
    """How often each new token occurs in the texts that are learned from; the rarest first."""
    counts = Counter(number for text in texts for number in _ids(tokenizer, text))
    found = {term: counts[tokenizer.convert_tokens_to_ids(term)] for term in terms}
    return dict(sorted(found.items(), key=lambda pair: (pair[1], pair[0])))


def passages(texts: Iterable[str], size: int = 500) -> list[str]:
    """The texts cut at blanks into pieces of at most ``size`` bytes; every tokenizer gets the same ones.

    No token is shorter than a byte, so that a passage fits a context of ``size`` + 1 tokens.
    """
    most = max(1, size // 8)  # characters of up to four bytes, blanks and letters
    short = re.compile(rf"\s{{0,{most}}}\S{{1,{most}}}|\s{{1,{most}}}")
    found: list[str] = []
    for text in texts:
        piece: list[str] = []
        length = 0
        for part in short.findall(text.encode("utf-8", "replace").decode()):
            cost = len(part.encode())
            if piece and length + cost > size:
                found.append("".join(piece))
                piece, length = [], 0
            piece.append(part)
            length += cost
        if piece:
            found.append("".join(piece))
    return found


@torch.no_grad()
def bits_per_byte(model: Any, tokenizer: Any, texts: Sequence[str], batch: int = 8) -> float:
    """What a byte of the passages costs, each written after an end-of-text token."""
    nats = size = 0.0
    was = model.training
    model.eval()
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        ids, labels = _batch(tokenizer, part, next(model.parameters()).device)
        nats += float(_loss(model, ids, labels, "sum"))
        size += sum(len(text.encode()) for text in part)
    model.train(was)
    if not size:
        raise CourseError("There is nothing to measure: give at least one passage with text.")
    return nats / size / math.log(2)


def train_on(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    steps: int,
    *,
    batch: int = 8,
    rate: float = 5e-4,
    seed: int = 0,
) -> History:
    """Train in place on ``steps`` batches of passages: for one seed every tokenizer sees the same bytes."""
    device = next(model.parameters()).device

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(texts), (batch,), generator=generator).tolist()
        return _batch(tokenizer, [texts[row] for row in rows], device)

    config = TrainingConfig(max_steps=steps, learning_rate=rate, seed=seed)
    return train(
        model, draw, lambda model, pair: _loss(model, *pair, "mean"), config, description="Training"
    )


def _loss(model: Any, ids: Tensor, labels: Tensor, reduction: str) -> Tensor:
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    return cross_entropy(
        logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction=reduction
    )


def _batch(tokenizer: Any, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token numbers and labels, (batch, time); padded on the right, where a causal model does not look back at it."""
    rows = [[tokenizer.eos_token_id, *_ids(tokenizer, text)] for text in texts]
    longest = max(map(len, rows))
    ids = [row + [tokenizer.eos_token_id] * (longest - len(row)) for row in rows]
    labels = [row + [IGNORED] * (longest - len(row)) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(labels, device=device)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False, verbose=False).input_ids
