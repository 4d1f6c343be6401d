"""The data card: what came in, what each step removed and why, what is left; as Markdown and as JSON.

Written from the corpus and a ``PipelineRun``, not by hand, so that it cannot disagree with what was
done. Gebru et al. 2021, "Datasheets for Datasets", asks the questions (composition, collection,
preprocessing); those that only people can answer (what for, who is in it, who may use it) are
``notes`` of the reader, and the card says so when they are missing.
"""

import functools
import hashlib
import inspect
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course_lib.cleaning.steps import Removal, Step
from course_lib.cleaning.personal import mask_personal
from course_lib.cleaning.steps import PipelineRun
from course_lib.workbook.corpus import Corpus, Document
from course_lib.workbook.corpus.document import megabytes

UNKNOWN = "not stated"
QUESTIONS = ("purpose", "people in the text", "permission", "known gaps")


@dataclass(frozen=True, slots=True)
class Holdings:
    """A set of documents in numbers; ``digest`` is the same for the same ids and texts in the same order."""

    documents: int
    bytes: int
    digest: str
    licences: dict[str, int]


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step: what it is, with which arguments it ran, what was left, and documents by reason."""

    name: str
    what: str
    arguments: dict[str, str]
    documents: int
    bytes: int
    dropped: dict[str, int]
    changed: dict[str, int]


@dataclass(frozen=True, slots=True)
class DataCard:
    """All facts; ``markdown()`` for people, ``to_json()`` for programs, ``write(folder)`` for both."""

    name: str
    source: str
    skipped: dict[str, int]
    origin: dict[str, Any]
    came_in: Holdings
    steps: tuple[StepFacts, ...]
    left: Holdings
    seeds: dict[str, int]
    examples: tuple[Removal, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Everything, with sorted keys: the same facts give the same bytes."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    def markdown(self) -> str:
        """The card as a page."""
        header = ("step", "what it does", "arguments", "left", "text", "dropped", "changed")
        answers = {
            question: "**nobody has answered this yet**" for question in QUESTIONS
        } | self.notes
        return "\n".join(
            [
                f"# Data card: {_cell(self.name)}",
                "",
                f"Source: `{_cell(self.source)}`.",
                "",
                _table(
                    ("", "documents", "text", "hash"),
                    [_row("came in", self.came_in), _row("is left", self.left)],
                ),
                "## Licences",
                "",
                _table(("licence", "documents left"), sorted(self.left.licences.items())),
                *_section(
                    "Origin", {key: _short(value) for key, value in sorted(self.origin.items())}
                ),
                *_section("Files that could not be read", self.skipped),
                "## Steps, in order",
                "",
                _table(header, map(_step_row, self.steps)),
                *_section("Seeds", self.seeds),
                *_section(
                    "Examples from the removal log",
                    {_cell(entry.id): _example(entry) for entry in self.examples},
                ),
                *_section("What only people can say", answers),
            ]
        )

    def write(self, folder: Path) -> tuple[Path, Path]:
        """``DATA_CARD.md`` and ``data_card.json`` in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / "DATA_CARD.md", folder / "data_card.json"
        for path, text in zip(paths, (self.markdown(), self.to_json()), strict=True):
            path.write_text(text, encoding="utf-8", errors="replace")
        return paths


def holdings(documents: Iterable[Document]) -> Holdings:
    """Numbers, digest and licences of ``documents``, read once as a stream."""
    digest = hashlib.blake2b(digest_size=16)
    licences: Counter[str] = Counter()
    count = size = 0
    for document in documents:
        text = document.text.encode("utf-8", "surrogatepass")
        digest.update(json.dumps([document.id, len(text)]).encode("ascii") + text)
        licences[str(document.meta.get("licence", UNKNOWN))] += 1
        count, size = count + 1, size + len(text)
    return Holdings(count, size, digest.hexdigest(), dict(licences))


def make_card(
    corpus: Corpus,
    steps: Mapping[str, Step],
    run: PipelineRun,
    *,
    seeds: Mapping[str, int] | None = None,
    notes: Mapping[str, str] | None = None,
    examples: int = 1,
) -> DataCard:
    """The card of ``run``, which ran ``steps`` on ``corpus``.

    seeds     those that chose something outside the steps; a ``seed`` argument of a step is found by itself
    notes     answers to ``QUESTIONS``, and whatever else should be said
    examples  how many log entries to quote for each reason; personal data in them is masked
    """
    facts = []
    for (name, step), stage in zip(steps.items(), run.stages[1:], strict=True):
        what, arguments = describe(step)
        facts.append(
            StepFacts(
                name, what, arguments, stage.num_documents, stage.num_bytes, stage.dropped, stage.changed
            )
        )
    reasons = dict.fromkeys(entry.reason for entry in run.log.entries)
    quoted = [entry for reason in reasons for entry in run.log.sample(examples, reason)]
    own = {
        f"step {fact.name!r}": int(fact.arguments["seed"])
        for fact in facts
        if "seed" in fact.arguments
    }
    origin = {
        key: value for key, value in corpus.manifest.items() if key != "defects"
    }  # the messy songbook's truth
    return DataCard(
        corpus.name,
        corpus.source,
        dict(Counter(skipped.reason for skipped in corpus.skipped)),
        origin,
        holdings(corpus),
        tuple(facts),
        holdings(run.documents),
        {**(seeds or {}), **own},
        tuple(map(_masked, quoted)),
        dict(notes or {}),
    )


def describe(step: Step) -> tuple[str, dict[str, str]]:
    """The first sentence of a step's docstring, and its arguments (those that were set, and the defaults)."""
    function = step.func if isinstance(step, functools.partial) else step
    what = " ".join((inspect.getdoc(function) or "no description").split("\n\n")[0].split()).split(
        ". "
    )[0]
    given = step.keywords if isinstance(step, functools.partial) else {}
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return what, {name: _name(value) for name, value in {**defaults, **given}.items()}


def _name(value: Any) -> str:
    return getattr(value, "__qualname__", None) or str(value)


def _masked(entry: Removal) -> Removal:
    evidence = {
        key: mask_personal(v)[0] if isinstance(v, str) else v for key, v in entry.evidence.items()
    }
    return Removal(entry.id, entry.step, entry.action, entry.reason, evidence)


def _row(name: str, own: Holdings) -> tuple[str, str, str, str]:
    return name, f"{own.documents:,}", megabytes(own.bytes), own.digest


def _step_row(step: StepFacts) -> tuple[str, ...]:
    counts = (
        f"{step.documents:,}",
        megabytes(step.bytes),
        _short(step.dropped),
        _short(step.changed),
    )
    return step.name, step.what.rstrip("."), _short(step.arguments), *counts


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(own)}" for key, own in value.items()) or "–"
    return str(value)


def _example(entry: Removal) -> str:
    facts = ", ".join(f"{key} “{_cell(str(value))}”" for key, value in entry.evidence.items())
    return f"{entry.action}, {entry.reason}{f' ({facts})' if facts else ''}"


def _cell(text: object) -> str:
    """Text that cannot break a line or a table of Markdown."""
    line = " ".join(str(text).split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
    return line if len(line) <= 120 else line[:119] + "…"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _section(title: str, facts: Mapping[str, object]) -> list[str]:
    return (
        [f"## {title}", "", *(f"- {key}: {value}" for key, value in facts.items()), ""]
        if facts
        else []
    )
