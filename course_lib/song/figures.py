"""The figures of notebook 10."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from course_lib.song.arrange import STRENGTH, Score, fit
from course_lib.song.voice import heard_pitch
from course_lib.song.words import line_syllables, rhymes
from course_lib.workbook.figures import COLOURS, DescribedFigure, canvas

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def stress_grid(lines: Sequence[str], title: str) -> DescribedFigure:
    """A row of syllables for each line, stressed ones dark; lines that rhyme share a letter."""
    rows, scheme = [line_syllables(line) for line in lines], ""
    for line in lines:
        pairs = zip(lines, scheme, strict=False)
        new = chr(65 + len(set(scheme)))
        scheme += next((letter for other, letter in pairs if rhymes(line, other)), new)
    longest = max(map(len, rows), default=0)
    figure, axis = canvas(width=9.4, height=0.9 + 0.42 * len(lines))
    for y, parts in enumerate(rows):
        for x, part in enumerate(parts, 1):
            fill, ink = (COLOURS[0], "white") if part.stressed else ("white", "black")
            box = dict(boxstyle="round,pad=0.25", facecolor=fill, edgecolor="0.6")
            axis.text(x, y, part.text, ha="center", va="center", color=ink, bbox=box, fontsize=8)
        axis.text(longest + 1, y, scheme[y], ha="center", va="center", weight="bold")
    axis.set_yticks(range(len(rows)), [f"line {n}" for n in range(1, len(rows) + 1)])
    axis.set(title=title, xlabel="syllable (rhyme at the right)", ylabel="line")
    axis.set(xlim=(0.3, longest + 1.5), ylim=(len(rows) - 0.4, -0.6))
    stressed = sum(part.stressed for parts in rows for part in parts)
    return DescribedFigure(
        figure,
        f"{', '.join(str(len(parts)) for parts in rows)} syllables, {stressed} of them stressed "
        f"(dark); lines with the same letter rhyme: {' '.join(scheme)}.",
    )


def tune_tokens(tokens: Sequence[str], title: str) -> DescribedFigure:
    """A tune's first tokens, mode and metre included, as bars in time, each with its two tokens."""
    figure, axis = canvas(width=9.5, height=3)
    time, rest, names = 0.0, list(tokens[2:]), []
    while len(rest) > 1:
        if rest[0] == "|":
            axis.axvline(time, color="0.75", lw=1)
            rest = rest[1:]
            continue
        (value, name), rest = rest[:2], rest[2:]
        length = float(Fraction(value)) * 4
        if name != "z":
            height = int(name[0]) + 7 * (name.count("'") - name.count(","))
            axis.barh(height, length * 0.94, 0.8, time, color=COLOURS[0], alpha=0.8)
            axis.text(time + length / 2, height + 0.55, name, ha="center", fontsize=9)
            axis.text(time + length / 2, height - 1.2, value, ha="center", fontsize=7, color="0.4")
            names.append(name)
        time += length
    axis.margins(y=0.15)
    axis.set_ylim(axis.get_ylim()[0] - 1)
    axis.set(title=title, xlabel="time (quarter notes)", ylabel="note of the scale")
    text = f"{len(names)} notes in {tokens.count('|')} bars: above each its note, below its length."
    return DescribedFigure(figure, f"{text} It begins {', '.join(names[:4])}.")


def stress_on_beats(line: str, metre: str) -> DescribedFigure:
    """The weight of each eighth of a phrase, and where the syllables of a line went."""
    syllables, (slots, bars, _) = line_syllables(line), fit(line_syllables(line), metre)
    weights = STRENGTH[metre]
    figure, axis = canvas(width=9.5, height=2.8)
    places = range(-2, bars * len(weights))
    axis.bar(places, [weights[n % len(weights)] + 0.1 for n in places], color="0.82", width=0.7)
    for slot, syllable in zip(slots, syllables, strict=True):
        style = dict(fontweight="bold", color=COLOURS[0]) if syllable.stressed else {}
        axis.text(slot, 3.4 if syllable.stressed else 3.15, syllable.text, ha="center", **style)
    for bar in range(bars + 1):
        axis.axvline(bar * len(weights) - 0.5, color="0.6", lw=1)
    axis.set(title=f"Stress on weight, in {metre}", ylim=(0, 4), yticks=range(4))
    axis.set_xticks(places[::2])
    axis.set(xlabel="eighth of the phrase (below 0: before its first bar)", ylabel="weight")
    stressed = [slot for slot, syllable in zip(slots, syllables, strict=True) if syllable.stressed]
    hits = sum(weights[slot % len(weights)] > 0 for slot in stressed)
    text = f"{len(slots)} syllables in {bars} bars; {hits} of {len(stressed)} stressed ones (bold)"
    return DescribedFigure(figure, text + " stand on a beat.")


def piano_roll(score: Score, start: float, beats: float) -> DescribedFigure:
    """What each part plays in a stretch of a score, from quarter note ``start`` on."""
    figure, axis = canvas(width=9.5, height=4)
    parts = {"pad": "0.8", "bass": COLOURS[2], "pluck": COLOURS[1], "melody": COLOURS[0]}
    counts = {}
    for part, colour in parts.items():
        notes = [n for n in score.part(part) if start <= n.start < start + beats]
        counts[part] = len(notes)
        rows, places = [n.pitch for n in notes], [n.start for n in notes]
        edge = dict(edgecolor="black", lw=0.8) if part == "melody" else {}
        lengths, height = [0.92 * n.beats for n in notes], 0.35 if part == "pluck" else 0.8
        axis.barh(rows, lengths, height, places, color=colour, label=part, **edge)
    for row, (part, marker) in enumerate((("kick", "o"), ("snare", "x"), ("hat", "."))):
        places = [n.start for n in score.part(part) if start <= n.start < start + beats]
        axis.plot(places, [29 - 2 * row] * len(places), marker, color="0.3", ms=4, label=part)
    axis.set_yticks(range(36, 76, 12), [f"C{n}" for n in range(2, 6)])
    axis.set(title=f"“{score.title}”, a stretch of the score", xlim=(start, start + beats))
    axis.set(xlabel="time (quarter notes)", ylabel="note (C4 is the middle C)")
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    text = ", ".join(f"{name} {number}" for name, number in counts.items())
    return DescribedFigure(figure, f"Notes in {beats:.0f} quarters: {text}; below them the drums.")


def karaoke(
    score: Score, line: int, voice: np.ndarray | None = None, rate: int = 44_100
) -> DescribedFigure:
    """The words of a line on their notes; with a voice, the pitch that is heard in it."""
    notes = [note for note in score.part("melody") if note.line == line]
    figure, axis = canvas(width=9.5, height=3.2)
    misses = []
    for note in notes:
        start, length = score.seconds(note.start), score.seconds(note.beats)
        axis.barh(note.pitch, length * 0.96, 0.9, start, color=COLOURS[0], alpha=0.35)
        axis.text(start + length / 2, note.pitch + 0.75, note.text.strip(), ha="center")
        if voice is not None:
            cents = heard_pitch(voice, rate, start, length, note.pitch)
            misses.append(abs(cents))
            middle = start + 0.15 * length, start + 0.85 * length
            axis.plot(middle, [note.pitch + cents / 100] * 2, color=COLOURS[1], lw=2.5)
    pitches = sorted({note.pitch for note in notes})
    axis.set_yticks(pitches, [f"{NAMES[p % 12]}{p // 12 - 1}" for p in pitches])
    axis.set(title="Word and note", xlabel="time (seconds)", ylabel="note")
    axis.margins(y=0.2)
    text = f"{len(notes)} syllables on {len(pitches)} different notes"
    heard = f"; the voice (line) misses them by {max(misses):.0f} cents at most" if misses else ""
    return DescribedFigure(figure, f"{text}{heard}.")


def sound(rate: int, samples: np.ndarray, title: str) -> DescribedFigure:
    """A sound as a wave, and as a spectrogram: which frequencies it holds at which time."""
    mono = samples.mean(1) if samples.ndim == 2 else samples
    figure, (upper, lower) = canvas(2, width=9.5, height=5)
    step = max(1, len(mono) // 4000)
    blocks = mono[: len(mono) // step * step].reshape(-1, step)
    time = np.arange(len(blocks)) * step / rate
    upper.fill_between(time, blocks.min(1), blocks.max(1), color=COLOURS[0], lw=0)
    starts = np.linspace(0, len(mono) - 2048, 300).astype(int)[:, None]
    power = np.abs(np.fft.rfft(mono[starts + np.arange(2048)] * np.hanning(2048))[:, :279]) ** 2
    levels = 10 * np.log10(power.reshape(300, 93, 3).mean(2).T + 1e-6)
    edges = (0, len(mono) / rate, 0, 279 * rate / 2048)
    lower.imshow(
        levels,
        origin="lower",
        aspect="auto",
        extent=edges,
        cmap="magma",
        vmin=-30,
        interpolation="nearest",
    )
    lower.set(xlabel="time (seconds)", ylabel="frequency (Hz)")
    upper.set(title=title, ylabel="sample, -1 to 1", xlim=(0, len(mono) / rate), ylim=(-1, 1))
    text = f"{len(mono) / rate:.0f} seconds; the largest sample is {np.abs(samples).max():.2f}"
    return DescribedFigure(figure, f"{text}, so nothing is cut off.")
