"""The corpus wizard: choose a corpus once, see what is in it."""

from __future__ import annotations

import html
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import BUILTIN, Corpus, mask_emails
from course_lib.workbook.tables import Table

if TYPE_CHECKING:
    from course_lib.workbook.session import Session

OWN = "a folder or file of my own …"
_RULES = re.compile(r"([*=#~_+-])\1{3,}")  # lines drawn with characters
MINIMUM_LETTERS = 40  # shorter texts tell a language detector too little


def languages(corpus: Corpus, sample: int = 60) -> dict[str, int]:
    """How many of some sampled documents are in which language (ISO 639-1 codes).

    Texts that are too short to tell count as ``?``.
    """
    import py3langid

    step = max(1, len(corpus) // sample)
    found: Counter[str] = Counter()
    for row in range(0, len(corpus), step):
        text = corpus[row].text[:2000]
        known = sum(letter.isalpha() for letter in text) >= MINIMUM_LETTERS
        found[py3langid.classify(text)[0] if known else "?"] += 1
    return dict(found.most_common())


class Report:
    """What a corpus holds: sizes, languages, the first documents, the skipped files."""

    def __init__(self, corpus: Corpus, documents: int = 3) -> None:
        self.corpus = corpus
        found = languages(corpus)
        spoken = ", ".join(f"{name} {count}" for name, count in found.items())
        self.rows = [
            *corpus.describe(),
            ("languages", f"{spoken} (of {sum(found.values())} sampled)"),
        ]
        self.first = [
            (d.id, excerpt(d.text))
            for d in (corpus[row] for row in range(min(documents, len(corpus))))
        ]

    def __repr__(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.rows]
        lines += [f"- {name}: {text}" for name, text in self.first]
        lines += [f"skipped {s.path}: {s.detail or s.reason}" for s in self.corpus.skipped[:10]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [Table(self.rows), "<p>The first documents:</p>", Table(self.first)]
        if self.corpus.skipped:
            skipped = [(s.path, s.detail or s.reason) for s in self.corpus.skipped[:100]]
            count, more = len(self.corpus.skipped), len(self.corpus.skipped) - len(skipped)
            rest = f"<p>and {more:,} more</p>" if more > 0 else ""
            listed = Table(skipped)._repr_html_()
            parts.append(f"<details><summary>{count:,} skipped</summary>{listed}{rest}</details>")
        return "".join(part if isinstance(part, str) else part._repr_html_() for part in parts)


def excerpt(text: str, letters: int = 120) -> str:
    """The beginning of a text on one line, e-mail addresses masked."""
    line = " ".join(_RULES.sub(" ", mask_emails(text[: 4 * letters])).split())
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"


def choose_corpus(session: Session) -> None:
    """Choose the corpus for all notebooks. Without a front end: show the one that is chosen."""
    from IPython.display import display

    if settings.headless():
        display(Report(session.corpus))
        return
    import ipywidgets as widgets

    def wide() -> Any:  # one for each widget: hiding one must not hide the other
        return widgets.Layout(width="60%")

    label = {"description_width": "80px"}
    names = [*BUILTIN, OWN]
    chosen = session.corpus.source if session.corpus.source in BUILTIN else OWN
    menu = widgets.Dropdown(
        options=names, value=chosen, description="Corpus", style=label, layout=wide()
    )
    own = session.corpus.source if chosen == OWN else ""
    path = widgets.Text(
        value=own, description="Path", placeholder="folder or file", style=label, layout=wide()
    )
    button = widgets.Button(description="Use this corpus", button_style="primary")
    message = widgets.HTML()
    shown = display(Report(session.corpus), display_id=True)

    def reveal(_: Any = None) -> None:
        path.layout.display = "" if menu.value == OWN else "none"

    def use(_: Any) -> None:
        button.disabled = True
        message.value = "Reading …"
        try:
            corpus = session.choose(path.value if menu.value == OWN else menu.value)
            shown.update(Report(corpus))
            message.value = f"From now on every notebook uses <b>{html.escape(corpus.name)}</b>."
        except CourseError as error:
            message.value = (
                f"{html.escape(str(error))} The corpus is still {html.escape(session.corpus.name)}."
            )
        finally:
            button.disabled = False

    menu.observe(reveal, names="value")
    button.on_click(use)
    reveal()
    rows = [menu, path, button, message]
    if "google.colab" in sys.modules:
        rows.insert(2, widgets.HTML(COLAB))
    display(widgets.VBox(rows))


COLAB = (
    "On Colab: open the folder symbol on the left, drag your files there and give the path "
    "<code>/content/NAME</code>; or mount Google Drive with "
    "<code>from google.colab import drive; drive.mount('/content/drive')</code> and give "
    "<code>/content/drive/MyDrive/FOLDER</code>. With Drive mounted the choice is remembered."
)
