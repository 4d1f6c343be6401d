"""The corpus wizard: choose a corpus once, see what is in it."""

import html
import re
import sys
from collections.abc import Callable
from typing import Any

from course_lib.errors import CourseError
from course_lib.workbook import settings
from course_lib.workbook.corpus import BUILTIN, Corpus, mask_emails
from course_lib.workbook.corpus.language import languages
from course_lib.workbook.tables import Table

OWN = "a folder or file of my own …"
COLAB = (
    "On Colab: open the folder symbol on the left, drag your files there and give the path "
    "<code>/content/NAME</code>; or mount Google Drive with "
    "<code>from google.colab import drive; drive.mount('/content/drive')</code> and give "
    "<code>/content/drive/MyDrive/FOLDER</code>. With Drive mounted the choice is remembered."
)


def report(corpus: Corpus) -> Table:
    """What a corpus holds: sizes, languages, its first documents, the skipped files."""
    step = max(1, len(corpus) // 60)
    found = languages(corpus[row].text[:2000] for row in range(0, len(corpus), step))
    spoken = ", ".join(f"{name} {count}" for name, count in found.items())
    rows = [*corpus.describe(), ("languages", f"{spoken} (of {sum(found.values())} sampled)")]
    documents = [corpus[row] for row in range(min(3, len(corpus)))]
    rows += [(f"document {document.id}", excerpt(document.text)) for document in documents]
    rows += [(f"skipped {file.path}", file.detail or file.reason) for file in corpus.skipped[:50]]
    if len(corpus.skipped) > 50:
        rows.append(("skipped", f"and {len(corpus.skipped) - 50:,} more"))
    return Table(rows)


def excerpt(text: str, letters: int = 120) -> str:
    """The beginning of a text on one line, without drawn rules, e-mail addresses masked."""
    shorter = re.sub(r"([*=#~_+-])\1{3,}", " ", mask_emails(text[: 4 * letters]))
    line = " ".join(shorter.split())
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"


def choose_corpus(corpus: Corpus, choose: Callable[[str], Corpus]) -> None:
    """Show the corpus, and controls to ``choose`` another one by its source. Headless: show it."""
    from IPython.display import display

    shown = display(report(corpus), display_id=True)
    if settings.headless():
        return
    import ipywidgets as widgets

    def wide(kind: type, **options: Any) -> Any:
        label, layout = {"description_width": "80px"}, widgets.Layout(width="60%")
        return kind(style=label, layout=layout, **options)

    names, own = [*BUILTIN, OWN], corpus.source not in BUILTIN
    menu = wide(widgets.Dropdown, options=names, value=OWN if own else corpus.source)
    path = wide(widgets.Text, value=corpus.source if own else "", placeholder="folder or file")
    menu.description, path.description = "Corpus", "Path"
    button = widgets.Button(description="Use this corpus", button_style="primary")
    message = widgets.HTML()

    def reveal(_: Any = None) -> None:
        path.layout.display = "" if menu.value == OWN else "none"

    def use(_: Any) -> None:
        button.disabled = True
        message.value = "Reading …"
        try:
            chosen = choose(path.value if menu.value == OWN else menu.value)
            shown.update(report(chosen))
            message.value = f"From now on every notebook uses <b>{html.escape(chosen.name)}</b>."
        except CourseError as error:
            message.value = f"{html.escape(str(error))} The corpus is the one shown above."
        finally:
            button.disabled = False

    menu.observe(reveal, names="value")
    button.on_click(use)
    reveal()
    hint = [widgets.HTML(COLAB)] if "google.colab" in sys.modules else []
    display(widgets.VBox([menu, path, *hint, button, message]))
