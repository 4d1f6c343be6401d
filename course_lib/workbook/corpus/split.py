"""The fixed train/validation split, which no near-duplicate crosses."""

from collections.abc import Sequence

import numpy as np

from course_lib.workbook.corpus.document import REPEATED, TRAIN, VALIDATION, Document, stable_hash
from course_lib.workbook.corpus.minhash import find_clusters

SHARE = 0.1
ACCEPTED = (0.02, 0.3)  # shares of the text that a validation part may have without further ado


def split(documents: Sequence[Document]) -> tuple[list[Document], list[str], list[str]]:
    """Give each document its part: the documents, the part of each, and notes for the reader.

    Clusters of near-duplicates go to one side as a whole. A hash of one member's text decides,
    so the answer does not depend on order, machine or seed, nor on the size of the cluster (the
    smallest of all members' hashes would: it is small where there are many). Only where a corpus
    has no two independent documents are its texts cut in two, and more documents returned.
    """
    if not documents:
        return [], [], []
    labels = find_clusters(document.text for document in documents).kept
    sizes = np.array([len(document.text.encode("utf-8", "replace")) for document in documents])
    members: dict[int, list[str]] = {}
    weights: dict[int, int] = {}
    for label, document, size in zip(labels.tolist(), documents, sizes.tolist(), strict=True):
        members.setdefault(label, []).append(document.text)
        weights[label] = weights.get(label, 0) + size
    # Which member it is must not lean towards small hashes: another seed chooses it.
    keys = {
        label: stable_hash(min(texts, key=lambda text: (stable_hash(text, seed=1), text)))
        for label, texts in members.items()
    }
    chosen = {label for label, key in keys.items() if key < SHARE}
    total = max(1, int(sizes.sum()))
    share = sum(weights[label] for label in chosen) / total
    if not ACCEPTED[0] <= share <= ACCEPTED[1]:
        chosen = _fill(keys, weights, total)
    if not chosen:
        return _cut(documents)
    parts = [VALIDATION if label in chosen else TRAIN for label in labels.tolist()]
    return list(documents), parts, []


def _fill(keys: dict[int, float], weights: dict[int, int], total: int) -> set[int]:
    """For a corpus of few documents: clusters in hash order, until about a tenth is reached."""
    chosen: set[int] = set()
    size = 0
    for label in sorted(keys, key=lambda label: (keys[label], label)):
        if size < SHARE * total and size + weights[label] <= ACCEPTED[1] * total:
            chosen.add(label)
            size += weights[label]
    return chosen


def _cut(documents: Sequence[Document]) -> tuple[list[Document], list[str], list[str]]:
    """The last tenth of every text becomes validation; a text too short for that only trains."""
    cut, parts = [], []
    for document in documents:
        at = _boundary(document.text)
        if at:
            head = Document(document.id, document.text[:at].rstrip(), document.meta)
            tail = Document(document.id + "#end", document.text[at:].lstrip(), document.meta)
            cut += [head, tail]
            parts += [TRAIN, VALIDATION]
        else:
            cut.append(document)
            parts.append(TRAIN)
    note = (
        "This corpus has no two independent documents of fitting size, so the last tenth of "
        "each text is held out for validation."
    )
    if VALIDATION not in parts:
        # One or a few words: the same text must serve for both, and the reader must know.
        cut, parts = [*cut, *cut], [*parts, *[VALIDATION] * len(parts)]
        cut[len(documents) :] = [Document(d.id + REPEATED, d.text, d.meta) for d in documents]
        note = (
            "This corpus is too short to hold anything out: validation repeats the training "
            "text, so scores on it say nothing about new text."
        )
    return cut, parts, [note]


def _boundary(text: str) -> int:
    """Where to cut: the paragraph, line, sentence or word end nearest to nine tenths; 0 if none."""
    target = int(len(text) * (1 - SHARE))
    for mark in ("\n\n", "\n", ". ", "。", " "):
        before = text.rfind(mark, int(len(text) * 0.6), target)
        after = text.find(mark, target, int(len(text) * 0.97))
        found = [place for place in (before, after) if place > 0]
        if found:
            at = min(found, key=lambda place: abs(place - target)) + len(mark)
            if text[:at].strip() and text[at:].strip():
                return at
    return target if len(text) >= 200 else 0
