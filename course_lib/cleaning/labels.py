"""Labels, "keep" or "drop": those that a reader gives, simulated ones, and documents whose label is known.

A reader's label belongs to the text itself (its hash), so that it is found again in another corpus, after
another split, and in another notebook. Where the reader gives none, a simulated annotator with a
documented rule serves.
"""

import html
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.document import stable_hash
from course_lib.workbook.corpus.words import split_words, words
from course_lib.workbook.models import text_hash
from course_lib.workbook.tables import Table

# --- The reader's labels ---


class LabelBook:
    """The labels of one task, in ``labels/<task>.json`` in the course's state folder.

    task    a short name in letters, digits, ``-`` and ``_``
    folder  where the file is kept; default: beside the course's settings

    The file is read again before each change, so that notebooks that are open side by side keep
    each other's labels. A damaged file is kept as ``<task>.damaged.json``, never written over.
    """

    def __init__(self, task: str, folder: Path | None = None) -> None:
        if not re.fullmatch(r"[\w-]{1,60}", task):
            raise ValueError(f"{task!r} is no name for labels: use letters, digits, - and _")
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
        self._labels = self._read()
        if keep is None:
            self._labels.pop(text_hash(text), None)
        else:
            self._labels[text_hash(text)] = bool(keep)
        settings.write_json(self.path, self._labels)

    def of(self, documents: Sequence[Document]) -> list[bool | None]:
        """The labels of documents, None where there is none."""
        return [self.get(document.text) for document in documents]


class Asker:
    """Goes through documents and notes the answers; it begins at the first one without a label."""

    def __init__(self, documents: Sequence[Document], book: LabelBook) -> None:
        self.documents, self.book = list(documents), book
        unlabelled = (row for row, label in enumerate(book.of(self.documents)) if label is None)
        self.place = next(unlabelled, len(self.documents))

    def click(self, button: str) -> None:
        """ "Keep" and "Drop" note a label, "Skip" notes none, "Back" takes away the label of the document before."""
        if button == "Back" and self.place:
            self.place -= 1
            self.book.put(self.documents[self.place].text, None)
        elif button != "Back" and self.place < len(self.documents):
            if button != "Skip":
                self.book.put(self.documents[self.place].text, button == "Keep")
            self.place += 1

    def page(self) -> str:
        """The document shown, as HTML; e-mail addresses are masked."""
        if self.place >= len(self.documents):
            return f"<p>All shown. Labels kept: {len(self.book)}.</p>"
        text = html.escape(mask_emails(self.documents[self.place].text[:1_500]))
        head = f"{self.place + 1} of {len(self.documents)} · labels kept: {len(self.book)}"
        style = "white-space:pre-wrap;border:1px solid #888;padding:8px;max-height:22em"
        return f'<p>{head}</p><div style="{style};overflow:auto">{text}</div>'


def ask(documents: Sequence[Document], book: LabelBook, preview: int = 3) -> None:
    """Show the first documents to be labelled and, where somebody watches, buttons to label them.

    Works with ipywidgets 7.7 and 8. Every click is saved at once.
    """
    from IPython.display import display

    texts = [" ".join(mask_emails(d.text[:400]).split()) for d in documents[:preview]]
    first = [
        (document.id, text if len(text) <= 80 else text[:79] + "…")
        for document, text in zip(documents, texts, strict=False)
    ]
    display(Table(first, ("asked next", "begins with")))
    if settings.headless():
        return
    import ipywidgets

    asker = Asker(documents, book)
    page = ipywidgets.HTML(asker.page())

    def clicked(button: ipywidgets.Button) -> None:
        asker.click(button.description)
        page.value = asker.page()

    buttons = [ipywidgets.Button(description=name) for name in ("Keep", "Drop", "Skip", "Back")]
    for button in buttons:
        button.on_click(clicked)
    display(ipywidgets.VBox([ipywidgets.HBox(buttons), page]))


# --- A simulated annotator ---

_END = re.compile(r"[.!?。！？…][\"')\]”’»]*$")


def prose_fraction(text: str) -> float:
    """The fraction of a text's characters in paragraphs that read like sentences: five words and a full stop."""
    paragraphs = [block.strip() for block in re.split(r"\n\s*\n", text[:20_000]) if block.strip()]
    prose = sum(len(block) for block in paragraphs if len(words(block)) >= 5 and _END.search(block))
    return prose / max(1, sum(map(len, paragraphs)))


def simulated_labels(
    documents: Sequence[Document], noise: float = 0.05, seed: int = 0
) -> list[bool]:
    """Labels of an annotator who wants prose: keeps the half with the larger ``prose_fraction``.

    Among equals the longer text is kept. Then ``noise`` of the labels are turned round. From two
    different texts on both answers occur.
    """

    def rank(row: int) -> tuple[float, int, float]:
        text = documents[row].text
        return prose_fraction(text), len(text), stable_hash(documents[row].id)

    order = sorted(range(len(documents)), key=rank)
    kept = set(order[len(order) // 2 :])
    return noisy([row in kept for row in range(len(documents))], documents, noise, seed)


def noisy(
    truth: Sequence[bool], documents: Sequence[Document], noise: float = 0.05, seed: int = 0
) -> list[bool]:
    """The truth, with about a fraction ``noise`` of the answers turned round, as a tired person gives them.

    The same ones on every machine. Where this would leave only one of the two answers, the truth itself is given.
    """
    pairs = zip(truth, documents, strict=True)
    turned = [
        bool(keep) != (stable_hash(document.id, seed + 17) < noise) for keep, document in pairs
    ]
    return turned if len(set(turned)) > 1 else [bool(keep) for keep in truth]


# --- Documents whose label is known: half as they are, half turned into junk of their own words ---

_PRAISE = (
    "Buy {} now and save!",
    "The best {} online, cheap {} guaranteed.",
    "Order {} today: free delivery on {}.",
    "Why pay more for {}? Our {} has five stars.",
    "{} {} {} at the lowest price.",
    "Click for more {} deals!",
)


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """A document with the truth about it: keep it or not, and what it is (``good`` or a kind of junk)."""

    document: Document
    keep: bool
    kind: str


def _terms(text: str) -> list[str]:
    """Words of the text; never empty."""
    return [piece for piece in split_words(text) if piece[0].isalnum()] or ["page"]


def _word_salad(text: str, rng: random.Random) -> str:
    pieces = split_words(text) or ["page"]
    rng.shuffle(pieces)
    return " ".join(pieces)


def _menu(text: str, rng: random.Random) -> str:
    terms = rng.sample(_terms(text), k=min(40, len(_terms(text))))
    rows = [" ".join(terms[i : i + rng.choice((1, 2))]).title() for i in range(0, len(terms), 2)]
    return " | ".join(rows) if rng.random() < 0.5 else "\n".join(rows)


def _stutter(text: str, rng: random.Random) -> str:
    lines = [line.strip() for line in text.split("\n") if len(line.split()) > 3]
    line = rng.choice(lines or [" ".join(_terms(text)[:8])])
    return "\n".join([line[:200]] * rng.randint(12, 40))


def _keywords(text: str, rng: random.Random) -> str:
    terms = sorted({term.lower() for term in _terms(text)})
    return ", ".join(rng.sample(terms, k=min(80, len(terms))))


def _advert(text: str, rng: random.Random) -> str:
    terms = [t.lower() for t in _terms(text) if len(t) > 4 or not t.isascii()] or _terms(text)
    lines = [rng.choice(_PRAISE) for _ in range(rng.randint(10, 20))]
    return " ".join(line.format(*(rng.choice(terms) for _ in range(3))) for line in lines)


def _numbers(text: str, rng: random.Random) -> str:
    heads = [rng.choice(_terms(text)) for _ in range(4)]
    rows = [
        "\t".join(f"{rng.uniform(0, 1000):.2f}" for _ in heads) for _ in range(rng.randint(15, 40))
    ]
    return "\n".join(["\t".join(heads), *rows])


JUNK: dict[str, Callable[[str, random.Random], str]] = {
    "word salad": _word_salad,  # all words in a random order
    "menu": _menu,  # one or two words a line, or a row of them
    "stutter": _stutter,  # one line again and again
    "keywords": _keywords,  # a list of words for search engines
    "advert": _advert,  # sales talk about words of the text
    "numbers": _numbers,  # a table of numbers with words as column heads
}


def make_labelled_mix(documents: Sequence[Document], seed: int = 0) -> list[LabelledDocument]:
    """Half of the documents as they are and the others turned into junk, in a random order.

    The kinds of junk are equally frequent, and made of the documents' own words, so that the topic
    alone gives nothing away. Raises ``CourseError`` below two documents.
    """
    if len(documents) < 2:
        raise CourseError(
            "A mix of good and bad documents needs at least two documents: choose a larger corpus."
        )
    rng = random.Random(seed)
    order = rng.sample(range(len(documents)), k=len(documents))
    num_good = min(len(order) - 1, max(1, round(len(order) / 2)))
    mix = [LabelledDocument(documents[row], True, "good") for row in order[:num_good]]
    for number, row in enumerate(order[num_good:]):
        kind, source = list(JUNK)[number % len(JUNK)], documents[row]
        junk = Document(source.id, JUNK[kind](source.text, rng), dict(source.meta))
        mix.append(LabelledDocument(junk, False, kind))
    rng.shuffle(mix)
    return mix
