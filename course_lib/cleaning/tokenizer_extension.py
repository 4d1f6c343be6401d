"""Words of a field as tokens of their own: chosen, added to tokenizer and model, measured.

A new token makes texts shorter, and its row of the embedding has never been trained. transformers
starts all new rows from practically the same vector, the mean of the old ones (Hewitt 2021,
"Initializing New Word Embeddings for Pretrained Language Models"). Here each row starts from the
mean of its own old pieces. Models with different tokens are compared in bits per byte, on the same
``passages``, after training on the same bytes.
"""

import copy
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers.utils import logging

from course_lib.workbook.evaluate import pad_batch
from course_lib.workbook.training import History, TrainingConfig, train

_TERM = re.compile(r" [^\W\d_]{3,40}(?!\w)")


@dataclass(frozen=True, slots=True)
class Term:
    """A candidate: its text (with the blank before it), its count, how many tokens it needs now."""

    text: str
    count: int
    num_pieces: int

    @property
    def saved(self) -> int:
        """Tokens that it would save, had it one of its own."""
        return self.count * (self.num_pieces - 1)


def choose_terms(
    texts: Iterable[str],
    tokenizer: Any,
    max_terms: int = 100,
    *,
    min_count: int = 10,
    min_pieces: int = 3,
) -> list[Term]:
    """The words that save most tokens: at least ``min_count`` times in the texts.

    A word is taken whole, with the blank before it.
    """
    counts = Counter(term for text in texts for term in _TERM.findall(text))
    frequent = [(term, count) for term, count in counts.items() if count >= min_count]
    terms = [Term(term, count, len(token_ids(tokenizer, term))) for term, count in frequent]
    long = [term for term in terms if term.num_pieces >= min_pieces]
    return sorted(long, key=lambda term: (-term.saved, term.text))[:max_terms]


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """The text's ids, without special tokens."""
    return tokenizer(text, add_special_tokens=False, verbose=False).input_ids


def extend(
    model: Any, tokenizer: Any, terms: Sequence[str], *, from_pieces: bool = True
) -> tuple[Any, Any]:
    """(model, tokenizer) with a token for each term; those that were given stay as they are.

    from_pieces   start each new row from the mean of its old pieces; else as transformers does it

    ``add_tokens`` of transformers would look for " cat" first, and cut " category", which was one
    token, in two. Here a word becomes a token of the BPE itself, that stands for the whole word
    only. Terms that are tokens already are passed over.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    bpe, first_id, pieces = state["model"], len(tokenizer), []
    for term in filter(str.strip, terms):
        old = tokenizer.tokenize(term)
        if "".join(old) not in bpe["vocab"]:
            bpe["vocab"]["".join(old)] = first_id + len(pieces)
            pieces.append(tokenizer.convert_tokens_to_ids(old))
    bpe["ignore_merges"] = True  # a whole word that is a token needs no merges
    model, tokenizer = copy.deepcopy(model), copy.deepcopy(tokenizer)
    tokenizer._tokenizer = Tokenizer.from_str(json.dumps(state))
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # transformers explains at length how it starts new rows
    model.resize_token_embeddings(len(tokenizer), mean_resizing=not from_pieces)
    logging.set_verbosity(level)
    matrices = {model.get_input_embeddings().weight, model.get_output_embeddings().weight}
    with torch.no_grad():
        for weight in matrices if from_pieces else ():
            for row, ids in enumerate(pieces, first_id):
                weight[row] = weight[ids].float().mean(0).to(weight.dtype)
    return model, tokenizer


def fertility(tokenizer: Any, texts: Sequence[str]) -> float:
    """Tokens a word, all texts together; a word is a run of characters that are not blank."""
    num_tokens = sum(len(token_ids(tokenizer, text)) for text in texts)
    return num_tokens / sum(len(text.split()) for text in texts)


def passages(texts: Iterable[str], max_bytes: int = 500) -> list[str]:
    """The texts cut at blanks into passages of at most ``max_bytes``, the same for every tokenizer.

    No token is shorter than a byte, so that a passage fits a context of ``max_bytes`` + 1 tokens.
    """
    keep = {"expand_tabs": False, "replace_whitespace": False, "drop_whitespace": False}
    cut: list[str] = []
    for text in texts:
        width = max_bytes if text.isascii() else max_bytes // 4  # a character has up to four
        cut += textwrap.wrap(text, width, break_on_hyphens=False, **keep)
    return cut


def as_examples(tokenizer: Any, texts: Iterable[str]) -> list[dict[str, list[int]]]:
    """Passages for ``workbook.evaluate.evaluate``, each behind an end-of-text token."""
    return [{"input_ids": [tokenizer.eos_token_id, *token_ids(tokenizer, text)]} for text in texts]


def train_on(
    model: Any, tokenizer: Any, texts: Sequence[str], max_steps: int, *, batch_size: int = 8
) -> History:
    """Train in place on ``max_steps`` batches of passages: every tokenizer sees the same bytes."""
    examples, device = as_examples(tokenizer, texts), next(model.parameters()).device

    def get_batch(generator: torch.Generator) -> dict[str, torch.Tensor]:
        rows = torch.randint(len(texts), (batch_size,), generator=generator).tolist()
        batch = pad_batch([examples[row] for row in rows])
        return {name: tensor.to(device) for name, tensor in batch.items()}

    def loss_fn(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return model(**batch, use_cache=False).loss

    config = TrainingConfig(max_steps=max_steps, learning_rate=5e-4)
    return train(model, get_batch, loss_fn, config, description="Training")
