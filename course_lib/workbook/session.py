"""``start``: the one set-up call of every notebook, and the corpus wizard."""

from __future__ import annotations

import os
import random
import re
import sys
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import exercises, machine, settings, smollm2
from course_lib.workbook.corpus import BUILTIN, Corpus, load_corpus, mask_emails
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.corpus.language import languages
from course_lib.workbook.display import Table

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")
OWN = "a folder or file of my own …"
COLAB = """On Colab: open the folder symbol on the left, drag your files there and give the path
/content/NAME; or mount Google Drive (from google.colab import drive;
drive.mount('/content/drive')) and give /content/drive/MyDrive/FOLDER.
With Drive mounted the choice is remembered."""


class Session:
    """What a notebook needs to know about where it runs.

    device    the ``torch.device`` to compute on: CUDA, Apple's MPS, or the CPU
    profile   ``cpu``, ``gpu`` or ``smoke``
    corpus    the reader's corpus; ``choose`` changes it
    notes     sentences that the reader should see
    """

    def __init__(self, notebook: str, device: torch.device, profile: str) -> None:
        self.notebook, self.device, self.profile = notebook, device, profile
        self.notes = [note for note in (places.home_note(),) if note]
        try:
            self.corpus = load_corpus()
        except CourseError as error:
            self.notes.append(f"{error} Until then this notebook uses {settings.DEFAULT_CORPUS}.")
            self.corpus = load_corpus(settings.DEFAULT_CORPUS)

    def choose(self, source: str) -> Corpus:
        """Load another corpus and keep the choice for every notebook from now on."""
        self.corpus = load_corpus(source)
        settings.save_corpus_choice(self.corpus.source)
        return self.corpus

    def choose_corpus(self) -> None:
        """The wizard: what the corpus holds, and controls to choose another one."""
        from IPython.display import display

        shown = display(report(self.corpus), display_id=True)
        if settings.headless():
            return
        import ipywidgets as widgets

        source = self.corpus.source
        own = source not in BUILTIN
        menu = widgets.Dropdown(options=[*BUILTIN, OWN], value=OWN if own else source)
        path = widgets.Textarea(value=source if own else "", placeholder="folder or file", rows=1)

        def use(corpus: str, path: str) -> None:
            print("Reading …")
            try:
                shown.update(report(self.choose(path if corpus == OWN else corpus)))
                print(f"From now on every notebook uses {self.corpus.name}.")
            except CourseError as error:
                print(f"{error} The corpus is the one shown above.")

        if "google.colab" in sys.modules:
            print(COLAB)
        on_click = {"manual": True, "manual_name": "Use this corpus"}
        display(widgets.interactive(use, on_click, corpus=menu, path=path))

    def corpus_of(self, words: int, purpose: str) -> Corpus:
        """The corpus; below ``words`` words with the handbook (or, if it is that, the songbook)."""
        corpus = self.corpus
        if corpus.words >= words:
            return corpus
        name, kind = ("songbook", "songs") if corpus.source == "handbook" else ("handbook", "pages")
        print(
            f"{corpus.name} has {corpus.words:,} words and {purpose} needs about {words:,}, "
            f"so the {kind} of the built-in {name} are added to it here."
        )
        return corpus.joined(load_corpus(name))

    def large_corpus(self, max_bytes: int, words: int, purpose: str) -> Corpus:
        """Much text to train on: of ``python-docs`` the full size, of any corpus ``max_bytes``.

        Topped up as in ``corpus_of``; nothing is fetched (the full size is in installed packages).
        """
        corpus = self.corpus_of(words, purpose)
        if corpus.source == settings.DEFAULT_CORPUS and corpus.bytes < max_bytes:
            corpus = load_corpus(f"{settings.DEFAULT_CORPUS}:full")
        return corpus.sample(max_bytes)

    def pick(self, *, cpu: Value, gpu: Value | None = None) -> Value:
        """The value for this machine: ``cpu``, or ``gpu`` where there is one (None: the same).

        The tests' profile ``smoke`` takes a twelfth of a whole number, two at least: fewer steps,
        and nothing else is different.
        """
        if self.profile == "smoke" and isinstance(cpu, int):
            return min(cpu, max(2, cpu // 12))
        return gpu if self.profile == "gpu" and gpu is not None else cpu

    def seed(self, seed: int = 0) -> int:
        """Make what follows repeatable: seeds Python, NumPy and torch. Returns the seed."""
        import torch

        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        return seed

    def notebooks(self) -> list[str]:
        """Numbers of the notebooks that this checkout has: ``["00", …]``."""
        return [name.split("_")[0] for name, _, _ in self.progress().counts]

    def progress(self) -> exercises.ProgressTable:
        """Exercises solved so far, notebook by notebook."""
        return exercises.ProgressTable()

    def quiz(self) -> exercises.Quiz:
        """The short quiz of this notebook."""
        return exercises.Quiz(self.notebook)

    def rows(self) -> list[tuple[str, str]]:
        """What the first output of a notebook shows."""
        corpus = self.corpus
        return [
            ("Notebook", self.notebook),
            ("Corpus", f"{corpus.name}, {len(corpus):,} documents, {megabytes(corpus.bytes)}"),
            ("Device", f"{self.device.type}, profile {self.profile}"),
            *(("Note", note) for note in (*self.notes, *corpus.notes)),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.rows())

    def _repr_html_(self) -> str:
        return Table(self.rows())._repr_html_()


def start(notebook: str) -> Session:
    """Threads before torch, then device, profile, seed and corpus; shows and gives the session."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # nothing reports home
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # no warning from forked workers
    machine.set_thread_policy()
    if "google.colab" in sys.modules:  # elsewhere the command has done it
        smollm2.fetch()
    import torch

    mps = "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device("cuda" if torch.cuda.is_available() else mps)
    profile = settings.profile_choice() or ("gpu" if device.type == "cuda" else "cpu")
    session = Session(notebook, device, profile)
    session.seed()
    from IPython.display import display

    display(session)
    unchosen = not settings.headless() and not settings.corpus_choice(default="")
    if unchosen and "google.colab" in sys.modules:
        print("Colab forgets the choice of a corpus with its machine. Choose one here, or go on:")
        session.choose_corpus()
    return session


def report(corpus: Corpus) -> Table:
    """What a corpus holds: sizes, languages, its first documents, the skipped files."""
    step = max(1, len(corpus) // 60)
    found = languages(corpus[row].text[:2000] for row in range(0, len(corpus), step))
    spoken = ", ".join(f"{name} {count}" for name, count in found.items())
    rows = [*corpus.describe(), ("languages", f"{spoken} (of {sum(found.values())} sampled)")]
    documents = [corpus[row] for row in range(min(3, len(corpus)))]
    rows += [(f"document {document.id}", excerpt(document.text)) for document in documents]
    rows += [(f"skipped {file.path}", file.detail or file.reason) for file in corpus.skipped[:50]]
    return Table(rows)


def excerpt(text: str, letters: int = 120) -> str:
    """The beginning of a text on one line, without drawn rules, e-mail addresses masked."""
    line = " ".join(re.sub(r"([*=#~_+-])\1{3,}", " ", mask_emails(text[: 4 * letters])).split())
    return line if len(line) <= letters else line[: letters - 1].rstrip() + "…"
