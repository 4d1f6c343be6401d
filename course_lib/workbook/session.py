"""``start``: the one set-up call of every notebook."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import exercises, settings, threads
from course_lib.workbook.corpus import Corpus, load_corpus
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.quiz import Quiz, load_quiz
from course_lib.workbook.tables import Table
from course_lib.workbook.wizard import choose_corpus

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


class Session:
    """What a notebook needs to know about where it runs.

    device    the ``torch.device`` to compute on: CUDA, Apple's MPS, or the CPU
    profile   ``cpu``, ``gpu`` or ``smoke``
    corpus    the reader's corpus; ``choose`` changes it
    notes     sentences that the reader should see
    """

    def __init__(self, notebook: str, device: torch.device, profile: str) -> None:
        self.notebook = notebook
        self.device = device
        self.profile = profile
        self.notes: list[str] = [note for note in (places.home_note(),) if note]
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
        choose_corpus(self.corpus, self.choose)

    def corpus_of(self, words: int, purpose: str) -> Corpus:
        """The corpus; below ``words`` words with the handbook (if it is that: the songbook) added.

        One sentence then says what there is, what is needed, and what is done instead.
        """
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

        A corpus of fewer than ``words`` words is topped up as in ``corpus_of``. Nothing is
        fetched: the full size is read from the installed packages, once, and then cached.
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
        return sorted(name.split("_")[0] for name in exercises.exercise_counts())

    def progress(self) -> exercises.ProgressTable:
        """Exercises solved so far, notebook by notebook."""
        return exercises.ProgressTable()

    def quiz(self) -> Quiz:
        """The short quiz of this notebook."""
        return Quiz(load_quiz(self.notebook))

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
    threads.set_library_defaults()
    if "torch" not in sys.modules:
        threads.set_thread_policy()
    import torch

    mps = "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device("cuda" if torch.cuda.is_available() else mps)
    profile = settings.profile_choice() or ("gpu" if device.type == "cuda" else "cpu")
    session = Session(notebook, device, profile)
    session.seed()
    if "IPython" not in sys.modules:
        print(session)
        return session
    from IPython.display import display

    display(session)
    unchosen = not settings.headless() and not settings.saved_corpus()
    if unchosen and "google.colab" in sys.modules:
        print("Colab forgets the choice of a corpus with its machine. Choose one here, or go on:")
        session.choose_corpus()
    return session
