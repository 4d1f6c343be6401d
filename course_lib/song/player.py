"""A song for the ear: a preview inside the page, the whole of it beside it on disk."""

import base64
import io
import wave
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from course_lib.errors import CourseError
from course_lib.workbook.settings import atomic_write

PREVIEW = 14_700  # numbers a second in the page, a third of the song's; one channel
MAX_BYTES = 350_000


def wav(rate: int, samples: np.ndarray) -> bytes:
    """Samples (time,) or (time, channels) between -1 and 1 as a WAV file of 16 bits."""
    samples = samples[:, None] if samples.ndim == 1 else samples
    if not len(samples) or not np.isfinite(samples).all() or np.abs(samples).max() > 1:
        raise CourseError("This is no sound: samples are numbers from -1 to 1, at least one.")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return stream.getvalue()


def save_wav(path: Path, rate: int, samples: np.ndarray) -> None:
    """Write a sound to disk, whole or not at all; folders that are missing are made."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(wav(rate, samples))


class Player:
    """What ``play`` shows: controls in a notebook, a sentence elsewhere."""

    def __init__(self, preview: bytes, sentence: str) -> None:
        self.preview, self.sentence = preview, sentence

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.preview).decode()
        source = f"data:audio/wav;base64,{data}"
        return f'<audio controls src="{source}"></audio><br><em>{self.sentence}</em>'


def play(
    rate: int, samples: np.ndarray, path: Path | None = None, seconds: float = 8, start: float = 0
) -> Player:
    """Controls for ``seconds`` of a sound from second ``start`` on; the whole goes to ``path``.

    samples   (time,) or (time, 2), between -1 and 1
    """
    mono = samples.mean(1) if samples.ndim == 2 else samples
    cut = mono[int(start * rate) : int((start + min(seconds, 10)) * rate)]
    small = resample_poly(cut, PREVIEW, rate)
    edge = np.minimum(1, np.minimum(np.arange(len(small)), np.arange(len(small))[::-1]) / 1500)
    preview = wav(PREVIEW, np.clip(small * edge, -1, 1))
    if len(preview) > MAX_BYTES:
        raise CourseError(f"A preview has at most {MAX_BYTES} bytes: play fewer seconds.")
    sentence = f"{len(cut) / rate:.0f} of {len(mono) / rate:.0f} seconds"
    if path is not None:
        save_wav(path, rate, samples)
        sentence += f"; the whole sound is in {path.name}"
    return Player(preview, sentence + ".")
