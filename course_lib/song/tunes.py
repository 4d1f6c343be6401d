"""Melodies as tokens: what notebooks 01 and 03 do with text, done with tunes.

A tune is read from ABC notation (Walshaw; standard 2.1 of 2011), which writes melodies in letters.
It becomes a row of tokens: ``1/8`` says how long a note lasts (of a whole note), ``5`` which note
of its scale it is (``5,`` an octave lower, ``5'`` higher), ``z`` is a rest, ``|`` the end of a bar.
A tune is the same tune in every key, so its tokens are the same, too.
"""

import math
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import torch

from course_lib.errors import CourseError
from course_lib.history.ngrams import END, START, UNKNOWN, KneserNey
from course_lib.places import REPOSITORY
from course_lib.transformer.model import Config, MiniGPT
from course_lib.workbook.evaluate import get_batch, next_token_loss
from course_lib.workbook.training import TrainingConfig, train

FOLDER = REPOSITORY / "assets/corpora/tunes"
SCALES = {  # semitones above the tonic, the scale's first note; from bright to dark
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
_MODES = {"": "major", "maj": "major", "m": "minor", "min": "minor"}
_MODES |= {"dor": "dorian", "mix": "mixolydian"}
_PIECE = re.compile(
    r"(?P<bar>[|:\[\]]+\d?)|(?P<letter>[A-Ga-gz])(?P<octave>[,']*)(?P<over>\d*)(?P<under>/*\d*)"
    r"""|"[^"]*"|\{[^}]*\}|![^!]*!|[\s~.()\-]"""  # chords, ornaments, slurs: passed over
)


@dataclass(frozen=True, slots=True)
class Tune:
    """A melody; its tokens begin with its mode and its metre, as "minor", "3/4"."""

    title: str
    tokens: tuple[str, ...]


def pitch_token(step: int) -> str:
    """The name of the note ``step`` steps of the scale above the tonic: 0 is "1", -3 is "5,"."""
    octave, degree = divmod(step, 7)
    return f"{degree + 1}" + ("'" * octave if octave > 0 else "," * -octave)


def semitones(step: int, mode: str) -> int:
    """How many semitones the note ``step`` steps above the tonic lies above it."""
    octave, degree = divmod(step, 7)
    return 12 * octave + SCALES[mode][degree]


def read_abc(text: str) -> list[Tune]:
    """The tunes of a text in ABC notation; repeats are read once.

    >>> read_abc("X:1\\nM:3/4\\nL:1/8\\nK:G\\nG2 B2 d2 |")[0].tokens
    ('major', '3/4', '1/4', '1', '1/4', '3', '1/4', '5', '|')

    Raises ``CourseError`` for what it cannot read, and names the tune and the bar.
    """
    tunes = [
        _read_tune(part) for part in re.split(r"^(?=X:)", text, flags=re.M) if part[:2] == "X:"
    ]
    if not tunes:
        raise CourseError("No tune is here: in ABC notation each begins with a line `X:1`.")
    return tunes


def _read_tune(text: str) -> Tune:
    lines = [line.split("%")[0].strip() for line in text.splitlines()]
    fields = {line[0]: line[2:].strip() for line in lines if line[1:2] == ":"}
    title, metre, unit = (fields.get(k, d) for k, d in (("T", "?"), ("M", "4/4"), ("L", "1/8")))
    key = re.match(r"([A-G])[#b]?\s*([A-Za-z]{0,3})", fields.get("K", ""))
    mode = _MODES.get(key[2].lower()) if key else None
    if not mode or not all(re.fullmatch(r"\d\d?/(?:2|4|8|16)", value) for value in (metre, unit)):
        raise CourseError(f"“{title}” needs lines such as `M:3/4`, `L:1/8` and `K:G` or `K:Ador`.")
    body, tokens = "\n".join(line for line in lines if line[1:2] != ":"), [mode, metre]
    place, bar, total = 0, 1, Fraction(0)
    while place < len(body):
        piece = _PIECE.match(body, place)
        if piece is None:
            raise CourseError(f"“{title}”, bar {bar}: the reader does not know {body[place]!r}.")
        place = piece.end()
        if piece["bar"] and total:
            tokens, total, bar = [*tokens, "|"], Fraction(0), bar + 1
        elif letter := piece["letter"]:
            under = int(piece["under"].strip("/") or 2 ** piece["under"].count("/"))
            value = Fraction(unit) * int(piece["over"] or 1) / under
            total += value
            if total > Fraction(metre):
                raise CourseError(f"“{title}”, bar {bar}: its notes last longer than {metre}.")
            octave = letter.islower() + piece["octave"].count("'") - piece["octave"].count(",")
            step = "CDEFGAB".find(letter.upper()) - "CDEFGAB".index(key[1]) + 7 * octave
            tokens += [str(value), "z" if letter == "z" else pitch_token(step)]
    return Tune(title, tuple(tokens))


def load_tunes(music21: bool = False) -> list[Tune]:
    """The tunes written for this course; on request what this reader can read of ``music21``'s.

    Of that package this reader knows more than 3,700 traditional tunes; without it there are ours.
    """
    package = find_spec("music21") if music21 else None
    folders = [FOLDER, *([Path(package.origin).parent / "corpus"] if package else [])]
    tunes = []
    for path in (path for folder in folders for path in sorted(folder.rglob("*.abc"))):
        text = path.read_text(encoding="utf-8", errors="replace")
        for part in re.split(r"^(?=X:)", text, flags=re.M)[1:]:
            try:
                tunes += read_abc(part)
            except CourseError:
                if FOLDER in path.parents:
                    raise
    return tunes


def bits_per_token(model: "KneserNey | TuneGPT", tunes: Iterable[Tune]) -> float:
    """The mean of -log2 P over all tokens, and the end of each tune."""
    tunes = list(tunes)
    bits = -sum(model.log2_probability(tune.tokens) for tune in tunes)
    return bits / sum(len(tune.tokens) + 1 for tune in tunes)


def draw(
    model: "KneserNey | TuneGPT", tokens: Sequence[str], allowed: Sequence[str], rng: random.Random
) -> str:
    """The next token, drawn by the model's probabilities among ``allowed``.

    That is constrained decoding (notebook 07): what fits neither chord nor bar cannot come.
    """
    context = [START] * 8 + list(tokens)
    return rng.choices(allowed, [model.probability(token, context) for token in allowed])[0]


class TuneGPT:
    """Notebook 03's ``MiniGPT``, trained on tunes and asked as an n-gram is."""

    def __init__(
        self, tunes: Sequence[Tune], vocabulary: Iterable[str], max_steps: int, seed: int = 0
    ) -> None:
        names = [START, END, UNKNOWN, *sorted({*vocabulary} - {START, END, UNKNOWN})]
        self._ids = {token: number for number, token in enumerate(names)}
        torch.manual_seed(seed)
        shape = dict(kind="llama", d_model=64, n_layers=2, n_heads=4, block_size=64)
        self.model = MiniGPT(Config(len(names), **shape))
        data = torch.cat([self._row([START, *tune.tokens, END]) for tune in tunes])
        config = TrainingConfig(max_steps, 4e-3, weight_decay=0.1, seed=seed)
        self.history = train(
            self.model, lambda g: get_batch(data, 65, 16, g), next_token_loss, config
        )
        self.model.eval()
        self._last: tuple[Sequence[str], list[float]] = ((), [])

    def _row(self, tokens: Iterable[str]) -> torch.Tensor:
        return torch.tensor([self._ids.get(token, self._ids[UNKNOWN]) for token in tokens])

    @torch.no_grad()
    def probability(self, token: str, context: Sequence[str] = ()) -> float:
        """P(token | the last 64 tokens of the context)."""
        context = (START, *(t for t in context if t != START))[-64:]
        if self._last[0] != context:
            probs = self.model(self._row(context)[None])[0, -1].softmax(-1)
            self._last = context, probs.tolist()
        return self._last[1][self._ids.get(token, self._ids[UNKNOWN])]

    def log2_probability(self, document: Sequence[str]) -> float:
        """The sum of log2 P over a tune's tokens and its end."""
        whole = [*document, END]
        return sum(math.log2(self.probability(t, whole[:n])) for n, t in enumerate(whole))
