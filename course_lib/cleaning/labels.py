"""Labels, "keep" or "drop": a reader's, simulated ones, and documents whose label is known.

A reader's label belongs to the text itself (its hash), so that it is found again in another
corpus, split or notebook. Where the reader gives none, a simulated annotator serves.
"""

import html
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import Document, mask_emails
from course_lib.workbook.corpus.document import stable_hash, text_hash
from course_lib.workbook.corpus.words import split_words
from course_lib.workbook.display import Table
from course_lib.workbook.session import excerpt


class LabelBook:
    """The labels of one task, in ``labels/<task>.json`` in the course's state folder.

    The file is read each time, so that notebooks that are open side by side keep each other's
    labels. ``folder``: where the file is kept; default: beside the course's settings.
    """

    def __init__(self, task: str, folder: Path | None = None) -> None:
        if not re.fullmatch(r"[\w-]{1,60}", task):
            raise ValueError(f"{task!r} is no name for labels: use letters, digits, - and _")
        self.path = (folder or settings.settings_file().parent / "labels") / f"{task}.json"

    def read(self) -> dict[str, bool]:
        """All labels by the text's hash: True for keep, False for drop."""
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise CourseError(f"{self.path} is damaged: move it away, and label anew.") from error

    def of(self, documents: Sequence[Document]) -> list[bool | None]:
        """The labels of documents, None where there is none."""
        labels = self.read()
        return [labels.get(text_hash(document.text)) for document in documents]

    def put(self, text: str, keep: bool | None) -> None:
        """Note a label and write the file at once; None takes a label away."""
        labels = self.read() | {text_hash(text): keep}
        labels = {key: value for key, value in labels.items() if value is not None}
        settings.write_json(self.path, labels)


class Asker:
    """Goes through documents and notes the answers; it begins at the first one without a label."""

    def __init__(self, documents: Sequence[Document], book: LabelBook) -> None:
        self.documents, self.book = list(documents), book
        self.place = [*book.of(self.documents), None].index(None)

    def click(self, button: str) -> None:
        """Keep and Drop note a label, Skip none, Back takes the last one away."""
        if button == "Back" and self.place:
            self.place -= 1
            self.book.put(self.documents[self.place].text, None)
        elif button != "Back" and self.place < len(self.documents):
            if button != "Skip":
                self.book.put(self.documents[self.place].text, button == "Keep")
            self.place += 1

    def page(self) -> str:
        """The document shown, as HTML; e-mail addresses are masked."""
        kept = f"labels kept: {len(self.book.read())}"
        if self.place >= len(self.documents):
            return f"<p>All shown, {kept}.</p>"
        text = html.escape(mask_emails(self.documents[self.place].text[:1_500]))
        style = "white-space:pre-wrap;border:1px solid #888;padding:8px;max-height:22em"
        head = f"{self.place + 1} of {len(self.documents)}, {kept}"
        return f'<p>{head}</p><div style="{style};overflow:auto">{text}</div>'


def ask(documents: Sequence[Document], book: LabelBook, preview: int = 3) -> None:
    """Show the first documents to be labelled and, where somebody watches, buttons to label them.

    Every click is saved at once.
    """
    from IPython.display import display

    rows = [(document.id, excerpt(document.text, 80)) for document in documents[:preview]]
    display(Table(rows, ("asked next", "begins with")))
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


_END = re.compile(r"[.!?。！？…][\"')\]”’»]*$")


def simulated_labels(
    documents: Sequence[Document], noise: float = 0.05, seed: int = 0
) -> list[bool]:
    """Labels of an annotator who wants prose: keeps the half with more lines that end in a mark.

    Among equals the longer text is kept. Then ``noise`` of the labels are turned round.
    """
    lines = [d.text.split("\n")[:1_000] for d in documents]
    prose = [sum(bool(_END.search(line)) for line in own) / len(own) for own in lines]
    size = [len(document.text) for document in documents]
    order = sorted(range(len(documents)), key=lambda row: (prose[row], size[row], row))
    kept = set(order[len(order) // 2 :])
    return noisy([row in kept for row in range(len(documents))], documents, noise, seed)


def noisy(
    truth: Sequence[bool], documents: Sequence[Document], noise: float = 0.05, seed: int = 0
) -> list[bool]:
    """The truth with about a fraction ``noise`` of the answers turned round, as tired people do.

    The same ones on every machine. Where only one of the two answers would be left, the truth.
    """
    turned = [
        bool(keep) != (stable_hash(document.id, seed + 17) < noise)
        for keep, document in zip(truth, documents, strict=True)
    ]
    return turned if len(set(turned)) > 1 else [bool(keep) for keep in truth]


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
    """A document with the truth about it: keep it or not, ``good`` or a kind of junk."""

    document: Document
    keep: bool
    kind: str


JUNK = ("word salad", "menu", "stutter", "keywords", "advert", "numbers")


def make_junk(kind: str, text: str, rng: random.Random) -> str:
    """Junk of a kind that fills the web, made of the text's own words."""
    pieces = split_words(text) or ["page"]
    terms = [piece for piece in pieces if piece[0].isalnum()] or ["page"]
    match kind:
        case "word salad":  # all words in a random order
            rng.shuffle(pieces)
            return " ".join(pieces)
        case "menu":  # one or two words a line, or a row of them
            chosen = rng.sample(terms, k=min(40, len(terms)))
            rows = [" ".join(chosen[i : i + rng.choice((1, 2))]) for i in range(0, len(chosen), 2)]
            return (" | " if rng.random() < 0.5 else "\n").join(row.title() for row in rows)
        case "stutter":  # one line again and again
            lines = [line.strip() for line in text.split("\n") if len(line.split()) > 3]
            line = rng.choice(lines or [" ".join(terms[:8])])
            return "\n".join([line[:200]] * rng.randint(12, 40))
        case "keywords":  # a list of words for search engines
            distinct = sorted({term.lower() for term in terms})
            return ", ".join(rng.sample(distinct, k=min(80, len(distinct))))
        case "advert":  # sales talk
            wares = [t.lower() for t in terms if len(t) > 4 or not t.isascii()] or terms
            lines = [rng.choice(_PRAISE) for _ in range(rng.randint(10, 20))]
            return " ".join(line.format(*(rng.choice(wares) for _ in range(3))) for line in lines)
        case "numbers":  # a table with words as column heads
            rows = [[rng.choice(terms) for _ in range(4)]]
            for _ in range(rng.randint(15, 40)):
                rows.append([f"{rng.uniform(0, 1000):.2f}" for _ in range(4)])
            return "\n".join("\t".join(row) for row in rows)
    raise ValueError(f"no such kind of junk: {kind!r}")


def make_labelled_mix(documents: Sequence[Document], seed: int = 0) -> list[LabelledDocument]:
    """Half of the documents as they are and the others turned into junk, in a random order."""
    rng = random.Random(seed)
    order = rng.sample(range(len(documents)), k=len(documents))
    half = len(order) // 2
    mix = [LabelledDocument(documents[row], True, "good") for row in order[:half]]
    for number, row in enumerate(order[half:]):
        kind, source = JUNK[number % len(JUNK)], documents[row]
        junk = replace(source, text=make_junk(kind, source.text, rng))
        mix.append(LabelledDocument(junk, False, kind))
    rng.shuffle(mix)
    return mix
