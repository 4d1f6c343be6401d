"""The data card: what came in, what each step removed and why, what is left; as Markdown.

Gebru et al. 2021, "Datasheets for Datasets", asks the questions; those that only people can answer
are ``notes`` of the reader, and the card says so when they are missing.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from course_lib.cleaning.personal import mask_personal
from course_lib.cleaning.steps import PipelineRun, Removal
from course_lib.workbook.corpus import Corpus, Document
from course_lib.workbook.corpus.document import megabytes

QUESTIONS = ("purpose", "people in the text", "permission", "known gaps")


def data_card(
    corpus: Corpus, run: PipelineRun, notes: Mapping[str, str] | None = None, examples: int = 1
) -> str:
    """The card of ``run`` on ``corpus``; the same facts give the same text.

    notes     answers to ``QUESTIONS``, and whatever else should be said (seeds, arguments of steps)
    examples  how many log entries to quote for each reason; personal data in them is masked
    """
    licences = Counter(str(d.meta.get("licence", "not stated")) for d in run.documents)
    origin = {k: _facts(v) for k, v in corpus.manifest.items() if isinstance(v, dict)}
    reasons = dict.fromkeys(entry.reason for entry in run.log.entries)
    quoted = [entry for reason in reasons for entry in run.log.sample(examples, reason)]
    answers = dict.fromkeys(QUESTIONS, "nobody has answered this yet") | dict(notes or {})
    steps = []
    for s in run.stages[1:]:
        facts = _facts(s.dropped), _facts(s.changed)
        steps.append((s.name, f"{s.num_documents:,}", megabytes(s.num_bytes), *facts))
    parts = {
        f"Data card: {_cell(corpus.name)}": f"Source: {_cell(corpus.source)}\n",
        "In and out": _table(
            ("", "documents", "text", "hash"),
            [_holdings("came in", corpus), _holdings("is left", run.documents)],
        ),
        "Licences": _table(("licence", "documents left"), sorted(licences.items())),
        "Origin": _list(origin.items()),
        "Not read": _list(Counter(skipped.reason for skipped in corpus.skipped).items()),
        "Steps, in order": _table(("step", "left", "text", "dropped", "changed"), steps),
        "From the removal log": _list((entry.id, _example(entry)) for entry in quoted),
        "What only people can say": _list(answers.items()),
    }
    return "\n".join(f"**{title}**\n\n{text}" for title, text in parts.items() if text)


def _holdings(name: str, documents: Iterable[Document]) -> tuple[str, str, str, str]:
    """Documents, bytes, and a hash that is the same for the same ids and texts in one order."""
    digest, count, size = hashlib.blake2b(digest_size=16), 0, 0
    for document in documents:
        text = document.text.encode("utf-8", "surrogatepass")
        digest.update(json.dumps([document.id, len(text)]).encode("ascii") + text)
        count, size = count + 1, size + len(text)
    return name, f"{count:,}", megabytes(size), digest.hexdigest()


def _example(entry: Removal) -> str:
    facts = [f"{key} “{mask_personal(str(value))[0]}”" for key, value in entry.evidence.items()]
    return ", ".join([entry.action, entry.reason, *facts])


def _facts(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in named.items()) or "–"


def _cell(text: object) -> str:
    """Text that cannot break a line or a table of Markdown."""
    line = " ".join(str(text).split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
    return line if len(line) <= 120 else line[:119] + "…"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _list(facts: Iterable[tuple[object, object]]) -> str:
    return "".join(f"- {_cell(key)}: {_cell(value)}\n" for key, value in facts)
