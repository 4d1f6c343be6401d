"""Labels that a reader gives, "keep" or "drop", kept on disk after every click.

A label belongs to the text itself (its hash), so that it is found again in another corpus, after
another split, and in another notebook. Where the reader gives none, a simulated annotator with a
documented rule serves.
"""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.document import stable_hash
from course_lib.workbook.corpus.words import words
from course_lib.workbook.corpus.document import text_hash
from course_lib.workbook.tables import Table

SHOWN = 1_500  # characters of a document that are shown
NOISE = 0.05  # share of the simulated labels that are wrong, as those of a tired person are
_END = re.compile(r"[.!?。！？…][\"')\]”’»]*$")


class LabelBook:
    """The labels of one task, in ``labels/<task>.json`` in the course's state folder.

    task    a short name in letters, digits, ``-`` and ``_``
    folder  where the file is kept; default: beside the course's settings

    A damaged file is kept as ``<task>.damaged.json``, never written over.
    """

    def __init__(self, task: str, folder: Path | None = None) -> None:
        if not re.fullmatch(r"[\w-]{1,60}", task):
            raise CourseError(
                f"{task!r} is no name for a set of labels: use letters, digits, - and _."
            )
        self.path = (folder or settings.settings_file().parent / "labels") / f"{task}.json"
        self._labels = self._read()

    def _read(self) -> dict[str, bool]:
        if not self.path.is_file():
            return {}
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if all(isinstance(keep, bool) for keep in content.values()):
                return dict(content)
        except (OSError, ValueError, AttributeError):
            pass
        self.path.replace(self.path.with_suffix(".damaged.json"))
        return {}

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, text: str) -> bool | None:
        """True for keep, False for drop, None without a label."""
        return self._labels.get(text_hash(text))

    def put(self, text: str, keep: bool | None) -> None:
        """Note a label and write the file at once; None takes a label away."""
        if keep is None:
            self._labels.pop(text_hash(text), None)
        else:
            self._labels[text_hash(text)] = bool(keep)
        settings.write_json(self.path, self._labels)

    def of(self, documents: Sequence[Document]) -> list[bool | None]:
        """The labels of documents, None where there is none."""
        return [self.get(document.text) for document in documents]


def prose_share(text: str) -> float:
    """The share of a text's characters in paragraphs that read like sentences: five words and a full stop."""
    paragraphs = [block.strip() for block in re.split(r"\n\s*\n", text[:20_000]) if block.strip()]
    prose = sum(len(block) for block in paragraphs if len(words(block)) >= 5 and _END.search(block))
    return prose / max(1, sum(map(len, paragraphs)))


def simulated_labels(
    documents: Sequence[Document], noise: float = NOISE, seed: int = 0
) -> list[bool]:
    """Labels of an annotator who wants prose: keeps the half with the larger ``prose_share``.

    Among equals the longer text is kept. Then ``noise`` of the labels are turned round. From two
    different texts on both answers occur.
    """
    order = sorted(range(len(documents)), key=lambda row: _rank(documents[row]))
    kept = set(order[len(order) // 2 :])
    return noisy([row in kept for row in range(len(documents))], documents, noise, seed)


def _rank(document: Document) -> tuple[float, int, float]:
    return prose_share(document.text), len(document.text), stable_hash(document.id)


def noisy(
    truth: Sequence[bool], documents: Sequence[Document], noise: float = NOISE, seed: int = 0
) -> list[bool]:
    """The truth, with about a share ``noise`` of the answers turned round, the same ones on every machine.

    Where this would leave only one of the two answers, the truth itself is given.
    """
    pairs = zip(truth, documents, strict=True)
    turned = [
        bool(keep) != (stable_hash(document.id, seed + 17) < noise) for keep, document in pairs
    ]
    return turned if len(set(turned)) > 1 else [bool(keep) for keep in truth]


class Asker:
    """Goes through documents and notes the answers. The buttons of ``ask`` call it."""

    def __init__(self, documents: Sequence[Document], book: LabelBook) -> None:
        self.documents, self.book = list(documents), book
        self.place = next(
            (n for n, d in enumerate(self.documents) if book.get(d.text) is None),
            len(self.documents),
        )

    def answer(self, keep: bool | None) -> None:
        """Note "keep", "drop" or nothing (None) for the document shown, and go on to the next."""
        if self.place < len(self.documents):
            if keep is not None:
                self.book.put(self.documents[self.place].text, keep)
            self.place += 1

    def back(self) -> None:
        """To the document before, whose label is taken away."""
        if self.place:
            self.place -= 1
            self.book.put(self.documents[self.place].text, None)

    def page(self) -> str:
        """The document shown, as HTML; e-mail addresses are masked."""
        if self.place >= len(self.documents):
            return f"<p>All shown. Labels kept: {len(self.book)}.</p>"
        text = html.escape(mask_emails(self.documents[self.place].text[:SHOWN]))
        head = f"{self.place + 1} of {len(self.documents)} · labels kept: {len(self.book)}"
        style = (
            "white-space:pre-wrap;border:1px solid #888;padding:8px;max-height:22em;overflow:auto"
        )
        return f'<p>{head}</p><div style="{style}">{text}</div>'


def ask(documents: Sequence[Document], book: LabelBook, preview: int = 3) -> None:
    """Show the first documents to be labelled and, where somebody watches, buttons to label them.

    Works with ipywidgets 7.7 and 8. Every click is saved at once.
    """
    from IPython.display import display

    first = [(document.id, _short(document.text)) for document in documents[:preview]]
    display(Table(first, ("asked next", "begins with")))
    if settings.headless():
        return
    import ipywidgets

    asker = Asker(documents, book)
    shown = ipywidgets.HTML(asker.page())
    buttons = []
    actions = (
        ("Keep", lambda: asker.answer(True)),
        ("Drop", lambda: asker.answer(False)),
        ("Skip", lambda: asker.answer(None)),
        ("Back", asker.back),
    )
    for name, act in actions:
        button = ipywidgets.Button(description=name)
        button.on_click(lambda _, act=act: (act(), setattr(shown, "value", asker.page())))
        buttons.append(button)
    display(ipywidgets.VBox([ipywidgets.HBox(buttons), shown]))


def _short(text: str) -> str:
    line = " ".join(mask_emails(text[:400]).split())
    return line if len(line) <= 80 else line[:79] + "…"
