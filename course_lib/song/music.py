"""From a score to sound: instruments of a few lines each, in NumPy, 44,100 numbers a second.

Sources: Karplus and Strong 1983, "Digital Synthesis of Plucked-String and Drum Timbres" (the string
is their loop, all its rounds at once); Evans et al. 2024, "Stable Audio Open", arXiv 2407.14358.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from scipy.signal import oaconvolve

from course_lib.cleaning.lyrics import Song
from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.song.arrange import Score, compose
from course_lib.song.tunes import load_tunes

RATE = 44_100
LEVEL = {"melody": 0.22, "pad": 0.034, "pluck": 0.54, "bass": 0.22, "kick": 0.55, "snare": 0.7}
LEVEL |= {"hat": 0.28, "voice": 1.25}
PAN = {"pluck": 0.3, "hat": -0.35, "snare": 0.1}  # from -1, left, to 1, right
HUB = "stabilityai/stable-audio-open-1.0"


def hertz(pitch: float) -> float:
    """The frequency of a note: 69 is the A of 440 Hz, an octave is 12."""
    return 440 * 2 ** ((pitch - 69) / 12)


def _fade(sound: np.ndarray, rise: float, fall: float) -> np.ndarray:
    """The sound with its first and last seconds faded, so that nothing clicks."""
    time = np.arange(len(sound)) / RATE
    return sound * np.minimum(1, time / rise) * np.minimum(1, (time[-1] - time) / fall)


def _tones(pitch: float, seconds: float, strengths: tuple[float, ...], bend: float = 0.0):
    """A sum of harmonics below 10 kHz; ``bend``: cents of vibrato, which comes slowly."""
    time = np.arange(int(seconds * RATE)) / RATE
    depth = bend / 1731 / (2 * np.pi * 5.2) * np.minimum(1, time / 0.4)
    phase = 2 * np.pi * hertz(pitch) * (time + depth * np.sin(2 * np.pi * 5.2 * time))
    last = int(10_000 / hertz(pitch))
    return sum(s * np.sin(n * phase) for n, s in enumerate(strengths[:last], 1))


def _pluck(pitch: int, seconds: float) -> np.ndarray:
    """A string: noise goes round a loop as long as one period, and a low-pass filter is in it.

    Each round multiplies harmonic h by cos(πh/N): all rounds are one table of spectra.
    """
    size = int(RATE / hertz(pitch))  # N, the samples of a period
    noise = np.random.default_rng(pitch).uniform(-1, 1, size)
    harmonic = np.arange(size // 2 + 1)
    start = np.fft.rfft(noise - noise.mean()) * np.exp(-harmonic * hertz(pitch) / 5000)
    loop = 0.9985 * np.cos(np.pi * harmonic / size)
    rounds = np.arange(int(seconds * hertz(pitch)) + 2)[:, None]
    loops = np.fft.irfft(start * loop**rounds, size).ravel()
    whole = np.interp(
        np.arange(int(seconds * RATE)) * size * hertz(pitch) / RATE, np.arange(len(loops)), loops
    )
    return _fade(whole / np.abs(whole[: 4 * size]).max(), 0.001, 0.1)


def _melody(pitch: int, seconds: float) -> np.ndarray:
    """A flute of sorts: few harmonics, a soft beginning, vibrato, some breath."""
    sound = _tones(pitch, seconds + 0.08, (1, 0.35, 0.18, 0.05, 0.03), bend=12)
    breath = np.random.default_rng(pitch).normal(0, 0.02, len(sound))
    return _fade(sound + np.convolve(breath, np.ones(6) / 6, "same"), 0.03, 0.1)


def _pad(pitch: int, seconds: float) -> np.ndarray:
    """Strings that enter slowly: three voices, a few cents apart, beat softly."""
    strengths = tuple(n**-1.6 for n in range(1, 9))
    voices = (_tones(pitch + cents / 100, seconds + 0.6, strengths) for cents in (-6, 0, 6))
    return _fade(sum(voices), 0.35, 0.8)


def _bass(pitch: int, seconds: float) -> np.ndarray:
    sound = np.tanh(1.4 * _tones(pitch, seconds, (1, 0.5, 0.25, 0.1)))
    return _fade(sound * np.exp(-1.2 * np.arange(len(sound)) / RATE), 0.006, 0.05)


def _drum(part: str) -> Callable[[int, float], np.ndarray]:
    def strike(pitch: int, seconds: float) -> np.ndarray:
        time = np.arange(int(0.35 * RATE)) / RATE
        noise = np.random.default_rng(len(part)).normal(0, 0.4, len(time))
        if part == "kick":  # a tone that falls from 150 to 48 Hz
            fall = 48 * time + 102 / 28 * (1 - np.exp(-28 * time))
            return _fade(np.sin(2 * np.pi * fall) * np.exp(-11 * time), 0.002, 0.05)
        if part == "snare":
            body = 0.5 * np.sin(2 * np.pi * 185 * time) * np.exp(-25 * time)
            return _fade(body + noise * np.exp(-17 * time), 0.001, 0.05)
        bright = np.diff(np.diff(noise, prepend=0), prepend=0)  # only what is high is left
        return _fade(bright * np.exp(-45 * time), 0.001, 0.05)

    return strike


INSTRUMENTS = {"melody": _melody, "pad": _pad, "pluck": _pluck, "bass": _bass}
INSTRUMENTS |= {part: _drum(part) for part in ("kick", "snare", "hat")}


@lru_cache(maxsize=256)
def _sound(part: str, pitch: int, seconds: float) -> np.ndarray:
    """One note, made once however often it is played."""
    return INSTRUMENTS[part](pitch, seconds).astype(np.float32)


def render(
    score: Score, voice: np.ndarray | None = None, parts: tuple[str, ...] = tuple(LEVEL)
) -> tuple[int, np.ndarray]:
    """(44100, samples): the score as stereo sound (time, 2), float32, between -1 and 1.

    voice   who sings (time,), at this rate; the melody's instrument then stays in the background
    parts   which instruments play

    The same score gives the same samples.
    """
    bus = np.zeros((2, int((score.seconds(score.beats) + 2.5) * RATE)), np.float32)
    for note in score.notes:
        if note.part not in parts:
            continue
        sound = _sound(note.part, note.pitch, round(score.seconds(note.beats), 3))
        gain = LEVEL[note.part] * note.velocity
        gain *= 0.3 if note.part == "melody" and voice is not None else 1
        start, pan = round(score.seconds(note.start) * RATE), PAN.get(note.part, 0)
        if note.part == "pad":
            pan = (note.pitch % 5 - 2) / 3
        room = bus[:, start : start + len(sound)]
        room += gain * np.array([[1 - pan], [1 + pan]], np.float32) * sound[: room.shape[1]]
    if voice is not None and "voice" in parts:
        bus[:, : len(voice)] += LEVEL["voice"] * voice[: bus.shape[1]]
    return RATE, _master(bus)


def _master(bus: np.ndarray) -> np.ndarray:
    """A room around it, an even loudness, soft limits in place of clipping, a fade at the end."""
    rng, time = np.random.default_rng(0), np.arange(int(1.6 * RATE)) / RATE
    tail = rng.normal(0, 1, (2, len(time))) * np.exp(-4.5 * time) * (time > 0.012)
    tail = np.apply_along_axis(np.convolve, 1, tail, np.ones(12) / 12, "same")
    room = (tail / np.sqrt((tail**2).sum(1, keepdims=True))).astype(np.float32)
    bus = bus + 0.16 * oaconvolve(bus, room, axes=1)[:, : bus.shape[1]]
    loud = np.sqrt(np.mean(np.square(bus)[:, : -2 * RATE])) or 1.0
    sound = 0.92 * np.tanh(bus * 0.15 / loud).T
    sound[-2 * RATE :] *= np.linspace(1, 0, 2 * RATE, dtype=np.float32)[:, None] ** 2
    return np.ascontiguousarray(sound, np.float32)


def make_music(
    prompt: str, seconds: float = 30.0, engine: str = "course", seed: int = 0
) -> tuple[int, np.ndarray]:
    """(samples a second, samples (time, 2)): music for a few words, "a slow waltz in the rain".

    engine   ``course``: the mood of the words, an n-gram on our tunes, and ``render``; on every
             machine. ``stable-audio``: a diffusion model for audio, with a graphics card
    """
    if not 1 <= seconds <= 300 or engine not in ("course", "stable-audio"):
        raise CourseError("Ask for 1 to 300 seconds, and for `course` or `stable-audio`.")
    if engine == "stable-audio":
        return diffuse(_stable_audio(), prompt, min(seconds, 47.0), seed)
    tunes = KneserNey([tune.tokens for tune in load_tunes()], order=7)
    rate, sound = render(compose(Song(prompt), tunes, seed, max_seconds=seconds))
    sound = sound[: int(seconds * rate)].copy()
    fade = min(len(sound), 2 * rate)
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return rate, sound


def _stable_audio() -> Any:
    """The pipeline of the hub, on the graphics card; one sentence for each thing that may lack."""
    try:
        from diffusers import StableAudioPipeline
    except ImportError as error:
        raise CourseError("Run `pip install diffusers torchsde`, then try again.") from error
    if not torch.cuda.is_available():
        raise CourseError("Stable Audio needs an NVIDIA graphics card: take the engine `course`.")
    try:
        return StableAudioPipeline.from_pretrained(HUB, torch_dtype=torch.float16).to("cuda")
    except OSError as error:  # offline, not logged in, licence not accepted
        raise CourseError(
            f"{HUB} did not come: accept its licence on huggingface.co, run `hf auth login`, and "
            "let this machine reach the hub."
        ) from error


def diffuse(
    pipeline: Any, prompt: str, seconds: float, seed: int, num_inference_steps: int = 100
) -> tuple[int, np.ndarray]:
    """Noise becomes sound in ``num_inference_steps`` steps, guided by the prompt: as make_music."""
    made = pipeline(
        prompt,
        audio_end_in_s=seconds,
        num_inference_steps=num_inference_steps,
        generator=torch.Generator("cpu").manual_seed(seed),
    )
    return pipeline.vae.sampling_rate, made.audios[0].T.float().cpu().numpy()
