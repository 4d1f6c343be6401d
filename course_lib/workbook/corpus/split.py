"""The fixed train/validation split, which no near-duplicate crosses."""

import json
from collections.abc import Sequence
from dataclasses import replace

from course_lib.places import REPOSITORY
from course_lib.workbook.corpus.document import TRAIN, VALIDATION, Document, num_bytes, stable_hash
from course_lib.workbook.corpus.encoding import pause
from course_lib.workbook.corpus.minhash import find_clusters

FRACTION = 0.1
REPEATED = "#again"  # ends the id of a validation document that repeats a training document
MIN_CUT = 100  # characters of a text that can be cut in two
HASHES = "sha256, first 16 digits"  # the key of ``held_out.json``
ACCEPTED = (0.02, 0.3)  # fractions of the text that a validation part may have as it comes


def split(documents: Sequence[Document]) -> tuple[list[Document], list[str], list[str]]:
    """Give each document its part: the documents, the part of each, and notes for the reader.

    Clusters of near-duplicates go to one side as a whole. A hash of one member's text decides,
    so the answer does not depend on order, machine or seed, nor on the size of the cluster (the
    smallest of all members' hashes would: it is small where there are many). Only where a corpus
    has no two independent documents are its texts cut in two: then there are more of them.
    """
    labels = find_clusters(document.text for document in documents).kept.tolist()
    members: dict[int, list[str]] = {}
    for label, document in zip(labels, documents, strict=True):
        members.setdefault(label, []).append(document.text)
    # Which member it is must not lean towards small hashes: another seed chooses it.
    keys = {
        label: stable_hash(min(texts, key=lambda text: (stable_hash(text, seed=1), text)))
        for label, texts in members.items()
    }
    sizes = {label: sum(map(num_bytes, texts)) for label, texts in members.items()}
    total = max(1, sum(sizes.values()))
    chosen = {label for label, key in keys.items() if key < FRACTION}
    if not ACCEPTED[0] <= sum(sizes[label] for label in chosen) / total <= ACCEPTED[1]:
        chosen, size = set(), 0  # of few documents: in the order of their keys, about a tenth
        for label in sorted(keys, key=lambda label: (keys[label], label)):
            if size < FRACTION * total and size + sizes[label] <= ACCEPTED[1] * total:
                chosen.add(label)
                size += sizes[label]
    if documents and not chosen:
        return _cut(documents)
    return list(documents), [VALIDATION if label in chosen else TRAIN for label in labels], []


def _cut(documents: Sequence[Document]) -> tuple[list[Document], list[str], list[str]]:
    """The last tenth of every text becomes validation; a text too short for that only trains."""
    train, validation = [], []
    for document in documents:
        target = int(len(document.text) * (1 - FRACTION))
        at = pause(document.text, target // 2, target) if len(document.text) >= MIN_CUT else 0
        head, tail = document.text[:at].rstrip(), document.text[at:].lstrip()
        train.append(replace(document, text=head) if head and tail else document)
        if head and tail:
            validation.append(replace(document, id=f"{document.id}#end", text=tail))
    note = "This corpus has no two independent documents of fitting size, so the last tenth of "
    note += "each text is held out for validation."
    if not validation:  # one or a few words: the same text serves for both, and the reader is told
        validation = [replace(document, id=document.id + REPEATED) for document in documents]
        note = "This corpus is too short to hold anything out: validation repeats the training "
        note += "text, so scores on it say nothing about new text."
    parts = [TRAIN] * len(train) + [VALIDATION] * len(validation)
    return [*train, *validation], parts, [note]


def held_out_hashes(model: str) -> frozenset[str]:
    """``text_hash`` of the documents that a shipped model has surely not learned from.

    Which documents a machine holds out depends on its packages; the list is the same everywhere.
    A model that brings no list has none.
    """
    path = REPOSITORY / "assets" / "models" / model / "held_out.json"
    if not path.is_file():
        return frozenset()
    return frozenset(json.loads(path.read_text(encoding="utf-8"))[HASHES])
