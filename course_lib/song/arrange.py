"""From words to a score: key and tempo, syllables on beats, chords, a tune, and a band.

The words decide mode, tempo and metre; rules of thumb of song writers decide chords and rhythm
(``assets/song/band.toml``); the notes of the tune are drawn from a model of tunes.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from course_lib.alignment.preferences import word_ratings
from course_lib.cleaning.lyrics import RETURNING, Section, Song
from course_lib.history.ngrams import KneserNey
from course_lib.places import REPOSITORY
from course_lib.song.tunes import SCALES, TuneGPT, draw, pitch_token, semitones
from course_lib.song.words import Syllable, line_syllables
from course_lib.workbook.corpus.document import stable_hash

_BAND = tomllib.loads((REPOSITORY / "assets/song/band.toml").read_text("utf-8"))
STRENGTH: dict[str, list[int]] = _BAND["strength"]
"""By metre, how much weight each eighth of a bar has: stressed syllables want the heavy ones."""


class Groove(NamedTuple):
    """What the band does in one bar, a sign an eighth; ``.`` is silence.

    kick, snare, hat    ``x`` strikes the drum
    pluck, bass         the chord's note: 0 root, 1 third, 2 fifth, 3 root, 4 third, an octave up
    """

    kick: str
    snare: str
    hat: str
    pluck: str
    bass: str


class Plan(NamedTuple):
    """What the words decided. ``mood`` is from -4 to 4, ``tempo`` in quarter notes a minute."""

    mood: float
    mode: str
    metre: str
    tempo: int
    style: str
    tonic: int


@dataclass(frozen=True, slots=True)
class Note:
    """One sound; times in quarter notes, ``pitch`` as MIDI counts (60 is the middle C).

    part       melody, pad, pluck, bass, kick, snare or hat
    velocity   0 to 1
    text       the syllable that is sung, with a blank before it where a word begins
    line       the number of its line in the song
    """

    part: str
    start: float
    beats: float
    pitch: int
    velocity: float
    text: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """A song as notes. ``sections``: (label, start); ``beats``: the length, in quarter notes."""

    title: str
    plan: Plan
    notes: tuple[Note, ...]
    sections: tuple[tuple[str, float], ...]
    beats: float

    def seconds(self, beats: float) -> float:
        return beats * 60 / self.plan.tempo

    def part(self, name: str) -> list[Note]:
        return [note for note in self.notes if note.part == name]


def fit(syllables: Sequence[Syllable], metre: str) -> tuple[list[int], int, float]:
    """Syllables on the eighths of a phrase: (where each begins, bars, cost a syllable).

    The cheapest way, by dynamic programming: stress wants weight, the rest wants none, and the pace
    is even. A phrase has two bars, a long line four and more; the quarter before it (-2, -1) may
    be sung, too: "the RI-ver" begins before the bar.
    """
    weight, number = STRENGTH[metre], max(1, len(syllables))
    size, bars = len(weight), 2
    while number > bars * size - 3:
        bars += 2
    pace, best = (bars * size - 2) / number, {-3: (0.0, [])}
    for n, syllable in enumerate(syllables):
        reached = {}
        for slot in range(-2, bars * size - 3):
            heavy = weight[slot % size]
            own = 3 - heavy if syllable.stressed else 0.8 * heavy
            ways = [
                (cost + own + 0.12 * (slot - (old + pace if n else 0)) ** 2, path)
                for old, (cost, path) in best.items()
                if old < slot
            ]
            if ways:
                cost, path = min(ways)
                reached[slot] = cost, [*path, slot]
        best = reached
    cost, path = min(best.values())
    return path, bars, cost / number


def plan_song(song: Song) -> Plan:
    """Mood from the words (ratings of vaderSentiment), metre from their stress, tempo from both.

    The title of a song without words may ask for a metre, a tempo, a style: "slow waltz".
    """
    lines = [line for section in song.sections for line in section.lines]
    ratings = dict(zip(*word_ratings(), strict=True))
    words = re.findall(r"[\w']+", " ".join([song.title, *lines]).lower())
    felt = [float(ratings[word].mean()) for word in words if word in ratings]
    mood = sum(felt) / len(felt) if felt else 2 * stable_hash(song.title) - 0.9
    bright = sum(mood > limit for limit in (-0.3, 0.2, 0.8))
    split = [parts for line in lines if (parts := line_syllables(line))]
    usual = {"4/4": 1.0, "3/4": 1.15, "6/8": 1.5}  # how clearly the words must ask for it
    costs = {m: usual[m] * sum(fit(s, m)[2] for s in split[:16]) for m in STRENGTH}
    metre = min(costs, key=costs.get)
    bars = sum(fit(parts, metre)[1] for parts in split)
    each = sum(map(len, split)) / bars if bars else 5.5  # syllables a bar; 2.3 are sung a second
    tempo = 60 * len(STRENGTH[metre]) / 2 * 2.3 / each + 5 * mood
    tempo = round(min(max(tempo, 80), 112 if metre == "4/4" else 132))
    style = ("ballad", "ballad", "folk", "pop" if tempo > 100 else "folk")[bright]
    if not split:
        asked = {name: [t[w] for w in words if w in t] for name, t in _BAND["asked"].items()}
        metre, style = [*asked["metre"], metre][0], [*asked["style"], style][0]
        tempo += sum(asked["tempo"])
    mode = list(SCALES)[3 - bright]
    return Plan(mood, mode, metre, tempo, style, 48 + int(8 * stable_hash(song.title, seed=1)))


def compose(
    song: Song,
    tunes: KneserNey | TuneGPT,
    seed: int = 0,
    grooves: Mapping[str, Groove] | None = None,
    max_seconds: float = 150.0,
) -> Score:
    """A score for a song; the same words in the same part get the same tune.

    tunes     a model of tunes (notebook 01's n-gram or a ``TuneGPT``)
    grooves   by metre: the band's patterns, in place of those that the words chose

    A song without lines is played, not sung. No part begins after ``max_seconds``; the end follows.
    """
    rng, plan = random.Random(seed), plan_song(song)
    groove = (grooves or {}).get(plan.metre) or Groove(**_BAND["grooves"][plan.style][plan.metre])
    known = _BAND["chords"][plan.mode]
    chords = {kind: [*map(int, rng.choice(known[kind]))] for kind in _BAND["parts"]}
    length = len(STRENGTH[plan.metre]) / 2  # of a bar, in quarter notes
    silent = [Section(kind, None, ("",) * 4) for kind in ("verse", "chorus") * 9]
    sections = [s for s in song.sections if any(map(line_syllables, s.lines))] or silent
    writer, labels, bar, line = Melodist(tunes, plan, rng), [("intro", 0.0)], 4, 0
    notes = [
        note
        for n, chord in enumerate(chords["verse"])
        for note in _band(groove, plan, chord, n * length, 0.6, ("pluck", "pad")[: 1 + n // 2])
    ]
    for number, section in enumerate(sections):
        if bar * length * 60 / plan.tempo > max_seconds:
            break
        kind = "chorus" if section.kind in RETURNING else section.kind
        kind = kind if kind in _BAND["parts"] else "verse"
        labels.append((section.kind or "verse", bar * length))
        lines = [text for text in section.lines if line_syllables(text) or sections is silent]
        phrases = [fit(line_syllables(text), plan.metre) for text in lines]
        bars = sum(phrase[1] for phrase in phrases)
        own = [chords[kind][n % 4] for n in range(bars)]
        own[-2:] = [known["leading"], 1] if kind == "chorus" else [own[-2], known["leading"]]
        for tune in writer.section(kind, lines, phrases, own):
            notes += [replace(n, start=n.start + bar * length, line=line) for n in tune]
            line += 1
        playing = ("pluck", "pad", "bass", "kick", "hat", "snare")[: 5 if number == 0 else 6]
        for n, chord in enumerate(own):
            fill = groove._replace(snare=groove.snare[:-2] + "xx") if n == bars - 1 else groove
            level = _BAND["parts"][kind]["level"]
            notes += _band(fill, plan, chord, (bar + n) * length, level, playing)
        bar += bars
    ending = Groove(".", ".", ".", "0", "0")
    notes += _band(ending, plan, 1, bar * length, 0.6, ("pad", "pluck", "bass"))
    notes.sort(key=lambda note: (note.start, note.part, note.pitch))
    return Score(song.title, plan, tuple(notes), (*labels, ("end", bar * length)), bar * length + 4)


def as_score(title: str, tokens: Sequence[str], tempo: int = 100) -> Score:
    """The tokens of a tune (``tunes.read_abc``) as a score of one part, to be heard."""
    steps = {pitch_token(step): step for step in range(-14, 22)}
    row, notes, time = [token for token in tokens[2:] if token != "|"], [], 0.0
    for value, name in zip(row[::2], row[1::2], strict=True):
        beats = 4 * float(Fraction(value))
        if name in steps:
            pitch = 60 + semitones(steps[name], tokens[0])
            notes.append(Note("melody", time, beats, pitch, 0.8))
        time += beats
    plan = Plan(0.0, tokens[0], tokens[1], tempo, "alone", 60)
    return Score(title, plan, tuple(notes), (("tune", 0.0),), time)


def _band(
    groove: Groove, plan: Plan, chord: int, start: float, level: float, playing: Sequence[str]
) -> list[Note]:
    """One bar of accompaniment on the triad that stands on step ``chord`` of the scale."""
    tones = [plan.tonic + semitones(chord - 1 + above, plan.mode) for above in (0, 2, 4, 7, 9)]
    size, notes = len(STRENGTH[plan.metre]), []

    def near(centre: int, pitch: int = tones[0]) -> int:  # the same note around the centre
        return centre - 6 + (pitch - centre + 6) % 12

    if "pad" in playing:
        notes = [Note("pad", start, size / 2, near(58, tone), level) for tone in tones[:3]]
    for part, pattern in zip(groove._fields, groove, strict=True):
        struck = [slot for slot, sign in enumerate(pattern) if sign != "." and part in playing]
        for slot, after in pairwise([*struck, size]):
            accent = level * (0.75 + 0.08 * STRENGTH[plan.metre][slot])
            pitch, beats = 0, (after - slot) / 2
            if part in ("pluck", "bass"):
                pitch = tones[int(pattern[slot])] + near(57 if part == "pluck" else 40) - tones[0]
            notes.append(Note(part, start + slot / 2, beats, pitch, accent))
    return notes


class Melodist:
    """Draws the tune, and remembers it: the same words get it again, other words nearly so."""

    def __init__(self, tunes: KneserNey | TuneGPT, plan: Plan, rng: random.Random) -> None:
        self.tunes, self.plan, self.rng = tunes, plan, rng
        self.tokens, self.path = [plan.mode, plan.metre], [2]
        self.sections: dict[tuple, list[list[Note]]] = {}
        self.steps: dict[tuple, int] = {}  # by part, line and eighth

    def section(
        self, kind: str, lines: Sequence[str], phrases: Sequence[tuple], chords: Sequence[int]
    ) -> list[list[Note]]:
        """The notes of each line of a part; their start counts from its beginning."""
        key, bar = (kind, *lines), 0
        if any(lines) and key in self.sections:
            return self.sections[key]
        self.sections[key] = found = []
        for n, (text, (slots, bars, _)) in enumerate(zip(lines, phrases, strict=True)):
            place = f"{kind} {(0, 1, 0, 3)[n % 4]}"  # the first and the third line are alike
            own, home = chords[bar : bar + bars], n == len(lines) - 1
            found.append(self._line(kind, place, text, slots or self._rhythm(bars), own, home))
            start = bar * len(STRENGTH[self.plan.metre]) / 2
            found[-1] = [replace(note, start=start + note.start) for note in found[-1]]
            bar += bars
        return found

    def _line(
        self, kind: str, place: str, text: str, slots: list[int], chords: Sequence[int], home: bool
    ) -> list[Note]:
        weight, notes = STRENGTH[self.plan.metre], []
        size, (low, high) = len(weight), _BAND["parts"][kind]["range"]
        pieces = line_syllables(text) or [Syllable("", True, False)] * len(slots)
        ends = [*slots[1:], min(slots[-1] + 8, len(chords) * size - 2)]
        for old, slot, end, piece in zip([-9, *slots], slots, ends, pieces, strict=False):
            if slot // size > old // size:
                self.tokens.append("|")
            self.tokens.append(str(Fraction(end - slot, 8)))
            final, chord = slot == slots[-1], chords[max(0, slot // size)]
            tones = {(chord - 1 + n) % 7 for n in ((0,) if final and home else (0, 2, 4))}
            heavy = final or weight[slot % size] > 1  # where it counts, only notes of the chord
            fitting = [s for s in range(low, high + 1) if not heavy or s % 7 in tones]
            reach = [s for s in fitting if abs(s - self.path[-1]) <= (4 if heavy else 2)]
            dull = self.path[-2:-1] if self.path[-1] in self.path[-3:-1] else []
            reach = [s for s in reach if s not in dull] or reach  # not up and down all the time
            reach = reach or [min(fitting, key=lambda s: abs(s - self.path[-1]))]
            step = self.steps.get((place, slot))
            if step not in reach:
                names = [pitch_token(s) for s in reach]
                step = reach[names.index(draw(self.tunes, self.tokens, names, self.rng))]
            self.steps[place, slot] = step
            self.path.append(step)
            self.tokens.append(pitch_token(step))
            level = _BAND["parts"][kind]["level"] * (1 if piece.stressed else 0.8)
            sound = self.plan.tonic + semitones(step, self.plan.mode), level
            name = " " * piece.starts_word + piece.text
            notes.append(Note("melody", slot / 2, (end - slot) / 2, *sound, name))
        return notes

    def _rhythm(self, bars: int) -> list[int]:
        """Where the notes of a line without words begin: lengths drawn from the model."""
        size, slots, tokens = len(STRENGTH[self.plan.metre]), [0], list(self.tokens)
        names = {str(Fraction(n, 8)): n for n in (1, 2, 3, 4, 6)}
        while slots[-1] < bars * size - 4:
            room = size - slots[-1] % size
            drawn = draw(self.tunes, tokens, [t for t, n in names.items() if n <= room], self.rng)
            tokens += [drawn, "1", *["|"] * (names[drawn] == room)]
            slots.append(slots[-1] + names[drawn])
        return slots if slots[-1] < bars * size - 2 else slots[:-1]
