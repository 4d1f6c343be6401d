"""The course's steps under ``datasets.Dataset.map``, several processes at a time."""

import json
from collections.abc import Callable
from dataclasses import asdict

from course_lib.cleaning.log import DROPPED, RemovalLog, Step
from course_lib.workbook.corpus import Document

Batch = dict[str, list]


def for_map(step: Step) -> Callable[[Batch], Batch]:
    """``step`` as a function for ``dataset.map(for_map(step), batched=True, num_proc=2)``.

    The data set has the columns of ``Corpus.to_dataset()``: ``id``, ``text`` and ``meta`` (JSON). No
    row disappears: ``text`` and ``meta`` are the new ones, ``kept`` says whether the step keeps the
    document, and ``log`` holds its log entries as JSON, because a log object would stay behind in the
    other process. A step that compares documents would see one batch only: use it before or after.
    """

    def run(batch: Batch) -> Batch:
        rows = zip(batch["id"], batch["text"], batch["meta"], strict=True)
        before = [Document(identity, text, json.loads(meta)) for identity, text, meta in rows]
        log = RemovalLog()
        left = {document.id: document for document in step(iter(before), log)}
        dropped = {entry.id for entry in log.entries if entry.action == DROPPED}
        after = [left.get(document.id, document) for document in before]
        entries: dict[str, list] = {document.id: [] for document in before}
        for entry in log.entries:
            entries[entry.id].append(asdict(entry))
        return {
            "text": [document.text for document in after],
            "meta": [json.dumps(document.meta, ensure_ascii=False) for document in after],
            "kept": [document.id not in dropped for document in before],
            "log": [json.dumps(entries[document.id]) for document in before],
        }

    return run
