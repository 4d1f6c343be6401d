"""``start``: the one set-up call of every notebook."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from course_lib import places
from course_lib.errors import CourseError
from course_lib.workbook import exercises, settings, threads
from course_lib.workbook.corpus import Corpus, load_corpus
from course_lib.workbook.corpus.document import megabytes
from course_lib.workbook.seeding import seed_everything
from course_lib.workbook.tables import Table

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


class Session:
    """What a notebook needs to know about where it runs.

    device    the ``torch.device`` to compute on: CUDA, Apple's MPS, or the CPU
    dtype     the type for fast matrix products there (bf16 only where it is native)
    profile   ``cpu``, ``gpu`` or ``smoke``
    corpus    the reader's corpus; ``choose`` changes it
    notes     sentences that the reader should see
    """

    def __init__(
        self, notebook: str, device: torch.device, dtype: torch.dtype, profile: str
    ) -> None:
        self.notebook = notebook
        self.device = device
        self.dtype = dtype
        self.profile = profile
        self.notes: list[str] = [note for note in (places.home_note(),) if note]
        self.corpus = self._first_corpus()

    def _first_corpus(self) -> Corpus:
        """The chosen corpus; where that one cannot be read, the default, and a note that says so."""
        try:
            return load_corpus()
        except CourseError as error:
            self.notes.append(f"{error} Until then this notebook uses {settings.DEFAULT_CORPUS}.")
            return load_corpus(settings.DEFAULT_CORPUS)

    def choose(self, source: str) -> Corpus:
        """Load another corpus and keep the choice for every notebook from now on."""
        self.corpus = load_corpus(source)
        settings.save_corpus_choice(self.corpus.source)
        return self.corpus

    def corpus_of(self, words: int, purpose: str) -> Corpus:
        """The corpus, topped up with the handbook (the handbook itself with the songbook) below ``words`` words.

        One sentence then says what there is, what is needed, and what is done instead.
        """
        own = self.corpus
        if own.words >= words:
            return own
        name, kind = ("songbook", "songs") if own.source == "handbook" else ("handbook", "pages")
        print(
            f"{own.name} has {own.words:,} words and {purpose} needs about {words:,}, "
            f"so the {kind} of the built-in {name} are added to it here."
        )
        return own.joined(load_corpus(name))

    def large_corpus(self, max_bytes: int, words: int, purpose: str) -> Corpus:
        """Much text to train on: of ``python-docs`` the full size, of any corpus at most ``max_bytes``.

        A corpus of fewer than ``words`` words is topped up as in ``corpus_of``. Nothing is
        fetched: the full size is read from the installed packages, once, and then cached.
        """
        own = self.corpus_of(words, purpose)
        if own.source == settings.DEFAULT_CORPUS and own.bytes < max_bytes:
            own = load_corpus(f"{settings.DEFAULT_CORPUS}:full")
        return own.sample(max_bytes)

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
        return seed_everything(seed)

    def notebooks(self) -> list[str]:
        """Numbers of the notebooks that this checkout has: ``["00", …]``."""
        return sorted(name.split("_")[0] for name in exercises.exercise_counts())

    def progress(self) -> exercises.ProgressTable:
        """Exercises solved so far, notebook by notebook."""
        return exercises.ProgressTable()

    def quiz(self) -> Any:
        """The short quiz of this notebook."""
        from course_lib.workbook.quiz import show_quiz

        return show_quiz(self.notebook)

    def rows(self) -> list[tuple[str, str]]:
        """What the first output of a notebook shows."""
        corpus = self.corpus
        size = f"{len(corpus):,} documents, {megabytes(corpus.bytes)}"
        return [
            ("Notebook", self.notebook),
            ("Corpus", f"{corpus.name}, {size}"),
            ("Device", f"{self.device.type}, profile {self.profile}"),
            *(("Note", note) for note in (*self.notes, *corpus.notes)),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.rows())

    def _repr_html_(self) -> str:
        return Table(self.rows())._repr_html_()


def choose_device() -> tuple[torch.device, torch.dtype]:
    """CUDA before MPS before CPU; bf16 only where the hardware has it (a T4 has not)."""
    import torch

    if torch.cuda.is_available():
        native = torch.cuda.get_device_capability() >= (8, 0)
        return torch.device("cuda"), torch.bfloat16 if native else torch.float16
    if torch.backends.mps.is_available():
        return torch.device("mps"), torch.float16
    return torch.device("cpu"), torch.float32


def start(notebook: str) -> Session:
    """Threads before torch, then device, profile, seed and corpus; shows and returns the session."""
    threads.set_library_defaults()
    if "torch" not in sys.modules:
        threads.set_thread_policy()
    device, dtype = choose_device()
    profile = settings.profile_choice() or ("gpu" if device.type == "cuda" else "cpu")
    session = Session(notebook, device, dtype, profile)
    session.seed()
    assert len(session.corpus.train) and len(session.corpus.validation)
    _show(session)
    return session


def _show(session: Session) -> None:
    """As the notebook's first output; outside a notebook as plain lines."""
    if "IPython" not in sys.modules:
        print(session)
        return
    from IPython.display import display

    display(session)
    if (
        "google.colab" in sys.modules
        and not settings.headless()
        and not settings.saved_corpus()
    ):
        from course_lib.workbook.wizard import choose_corpus

        print("Colab forgets the choice of a corpus with its machine. Choose one here, or go on:")
        choose_corpus(session)
