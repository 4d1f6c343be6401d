"""A voice that sings the words: eSpeak NG says them, and a vocoder puts them on the notes.

A voice is a source and a filter (Fant 1960): a buzz or a hiss, and a mouth that shapes it. The
shape is read from what the engine said on one pitch, and given to a buzz on the pitch of the note
(after Morise and others 2016, "WORLD"). Vowels are stretched to the length of the note, and a vowel
begins on the beat, as singers do it; consonants come before.
"""

import base64
import json
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from course_lib.song.arrange import Note, Score

RATE, SIZE, HOP = 22_050, 1024, 110  # samples a second, of a spectrum, between two of them
VOWELS = tuple("aAeEiIoOuUV0@3Q&")  # how the names of the engine's vowels begin


def speak(score: Score, rate: int = 44_100) -> np.ndarray | None:
    """The words of a score, sung: (time,) float32, as long as its last note; loudness 0.1.

    None where the package ``espeakng-loader`` is not installed, or nothing is sung.
    """
    sung = any(note.text.strip() for note in score.part("melody"))
    return _sung(score, rate) if sung and find_spec("espeakng_loader") else None


@lru_cache(maxsize=2)  # a page sings its song more than once
def _sung(score: Score, rate: int) -> np.ndarray | None:
    sung = (note for note in score.part("melody") if note.text.strip())
    lines = [list(notes) for _, notes in groupby(sung, key=lambda note: note.line)]
    texts = ["".join(note.text for note in line).strip() for line in lines]
    program = Path(__file__).with_name("espeak.py")
    done = subprocess.run(
        [sys.executable, program], input=json.dumps(texts), capture_output=True, text=True
    )
    if done.returncode:
        return None
    whole = np.zeros(int((score.seconds(score.beats) + 1) * RATE))
    for line, text, said in zip(lines, texts, json.loads(done.stdout), strict=True):
        source = np.frombuffer(base64.b64decode(said["sound"]), np.int16) / np.float32(32768)
        if len(source) and said["phonemes"]:
            place, sound = _sing(score, line, source, _vowels(text, line, said["phonemes"]))
            whole[place : place + len(sound)] += sound[: len(whole) - place]
    loud = np.sqrt(np.mean(whole[np.abs(whole) > 1e-3] ** 2))
    whole = np.tanh(whole * 0.15 / loud)  # no peaks
    return resample_poly(whole, rate, RATE).astype(np.float32)


def _vowels(text: str, line: list[Note], phonemes: list[list]) -> np.ndarray:
    """(syllables, 2): where the vowel of each syllable begins and ends in what was said.

    A word's vowels are dealt to its syllables; where it has fewer, syllables share one.
    """
    ends = [after[0] for after in phonemes[1:]] + [phonemes[-1][0]]
    vowels = [
        (start, end, place)
        for (start, name, place), end in zip(phonemes, ends, strict=True)
        if name.lstrip("',%=").startswith(VOWELS)
    ]
    first = [n for n, note in enumerate(line) if note.text.startswith(" ") or n == 0]
    words = list(zip(first, [*first[1:], len(line)], strict=True))
    found, place, last = [], 0, float(phonemes[0][0])
    for begin, end in words:
        letters = len("".join(note.text for note in line[begin:end]).strip())
        own = [v for v in vowels if place <= v[2] < place + letters]
        place += letters + 1
        share = [n * len(own) // (end - begin) for n in range(end - begin)]
        for n, which in enumerate(share):
            if not own:
                found.append((last, last))
                continue
            many, turn = share.count(which), n - share.index(which)
            start, stop = own[which][0], own[which][1]
            last = start + (stop - start) * (turn + 1) / many
            found.append((start + (stop - start) * turn / many, last))
    return np.array(found)


def _sing(
    score: Score, line: list[Note], source: np.ndarray, vowels: np.ndarray
) -> tuple[int, np.ndarray]:
    """(its first sample, the sound) of one line."""
    starts = np.array([score.seconds(note.start) for note in line])
    end = score.seconds(line[-1].start + line[-1].beats)
    said = vowels / RATE
    lead, tail = min(said[0, 0], 0.3), min(len(source) / RATE - said[-1, 1], 0.3)
    gaps = np.diff([*starts, end])
    between = np.minimum(np.append(said[1:, 0] - said[:-1, 1], 0), 0.4 * gaps)
    sung = np.column_stack([starts, np.append(starts[1:], end) - between]).ravel()
    sung = np.concatenate([[starts[0] - lead], sung, [end + tail]])
    heard = np.concatenate([[said[0, 0] - lead], said.ravel(), [said[-1, 1] + tail]])
    time = np.arange(sung[0], sung[-1], 1 / RATE)
    edges = np.column_stack([starts - 0.03, starts + 0.03]).ravel()[1:]
    pitch = np.interp(time, edges, np.repeat([note.pitch for note in line], 2)[:-1])
    since = time - starts[np.maximum(0, np.searchsorted(starts, time) - 1)]
    pitch += 0.2 * np.clip(4 * (since - 0.3), 0, 1) * np.sin(2 * np.pi * 5.4 * since)
    cycles = np.cumsum(440 * 2 ** ((pitch - 69) / 12)) / RATE
    pulses = np.interp(np.arange(1, cycles[-1]), cycles, time)
    at = np.interp(pulses, sung, heard)
    inside = np.searchsorted(said.ravel(), at) % 2 == 1  # a vowel, and so a buzz
    sound = _vocoder(source, at, pulses - sung[0], inside)
    return int(max(0, sung[0]) * RATE), sound


def _vocoder(
    source: np.ndarray, heard: np.ndarray, pulses: np.ndarray, vowel: np.ndarray
) -> np.ndarray:
    """Pulses at given seconds, each shaped by the mouth as it was at the second ``heard``."""
    period = _period(source)
    width = 3 * period
    padded = np.pad(source, (width // 2, width))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[: len(source) : HOP]
    first, second = frames[:, :-period], frames[:, period:]
    power = np.sqrt((first**2).sum(1) * (second**2).sum(1)) + 1e-9
    voiced = np.clip(((first * second).sum(1) / power - 0.4) / 0.4, 0, 1)
    window = np.hanning(width).astype(np.float32)
    spectra = np.abs(np.fft.rfft(frames * window, SIZE)) ** 2 / (window**2).sum()
    cepstra = np.fft.irfft(0.5 * np.log(spectra + 1e-9))
    quefrency = np.minimum(np.arange(SIZE), SIZE - np.arange(SIZE))
    cepstra *= np.sinc(quefrency / period)  # without the ripple of the old pitch
    cepstra[:, 1 : SIZE // 2] *= 2  # and as a filter that rings after the pulse, not before it
    cepstra[:, SIZE // 2 + 1 :] = 0
    at = np.clip(heard * RATE / HOP, 0, len(frames) - 1.001)
    low, part = at.astype(int), (at % 1).astype(np.float32)[:, None]
    shape = np.exp(np.fft.rfft((1 - part) * cepstra[low] + part * cepstra[low + 1]))
    steps = np.diff(pulses, append=2 * pulses[-1] - pulses[-2]) * RATE
    size = len(pulses), int(steps.max()) + 1
    hiss = np.random.default_rng(0).standard_normal(size, np.float32)
    hiss *= np.arange(hiss.shape[1]) < steps[:, None]
    bins = np.arange(SIZE // 2 + 1, dtype=np.float32)
    buzz = np.maximum(voiced[low], vowel)[:, None] / (1 + (bins * RATE / SIZE / 5000) ** 4)
    beat = np.sqrt(steps.astype(np.float32))[:, None]  # as loud as the hiss between two beats
    excited = buzz * beat + np.sqrt(1 - buzz**2) * np.fft.rfft(hiss, SIZE)
    places = pulses * RATE
    turn = 2 * np.pi / SIZE * bins * (places % 1).astype(np.float32)[:, None]
    delay = np.cos(turn) - 1j * np.sin(turn)
    grains = np.fft.irfft(shape * excited * delay)
    index = places.astype(int)[:, None] + np.arange(SIZE)
    return np.bincount(index.ravel(), grains.ravel())


def _period(source: np.ndarray) -> int:
    """Samples between two beats of the voice, which is on one pitch from 70 to 250 Hz."""
    spectrum = np.abs(np.fft.rfft(source, 1 << (2 * len(source)).bit_length())) ** 2
    alike = np.fft.irfft(spectrum)
    low, high = RATE // 250, RATE // 70
    return low + int(np.argmax(alike[low:high]))


def heard_pitch(sound: np.ndarray, rate: int, start: float, seconds: float, pitch: float) -> float:
    """How many cents a sung note lies beside ``pitch``, by autocorrelation; 100 are a semitone.

    Looked at is its first steady part, behind the way up to the note: at most 0.2 seconds.
    """
    first = int((start + 0.035) * rate)
    cut = sound[first : first + int(min(0.2, 0.4 * seconds) * rate)].astype(float)
    alike = np.fft.irfft(np.abs(np.fft.rfft(cut - cut.mean(), 2 * len(cut))) ** 2)
    alike = alike[: len(cut)] / np.arange(len(cut), 0, -1)
    period = rate / (440 * 2 ** ((pitch - 69) / 12))
    low = int(0.7 * period)
    best = low + int(np.argmax(alike[low : int(1.4 * period)]))
    left, top, right = alike[best - 1 : best + 2]
    exact = best + (left - right) / (2 * (left - 2 * top + right))
    return 1200 * float(np.log2(period / exact))
