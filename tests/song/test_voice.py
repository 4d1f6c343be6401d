"""The voice: on the note in cents, on the beat, and a sentence where it is missing."""

from importlib.util import find_spec

import numpy as np
import pytest
from tiny_song import MODEL, SONG

from course_lib.cleaning.lyrics import Song
from course_lib.song import voice
from course_lib.song.arrange import compose
from course_lib.song.music import render

needs_engine = pytest.mark.skipif(
    find_spec("espeakng_loader") is None, reason="the extra `voice` is not installed"
)


@needs_engine
@pytest.mark.parametrize("seed", range(5))
def test_every_syllable_is_on_its_note(seed: int) -> None:
    score = compose(SONG, MODEL, seed)
    sung = voice.speak(score)
    misses = [
        abs(
            voice.heard_pitch(sung, 44_100, score.seconds(n.start), score.seconds(n.beats), n.pitch)
        )
        for n in score.part("melody")
    ]
    assert np.quantile(misses, 0.95) < 20 and np.median(misses) < 6
    assert 0.5 < np.abs(sung).max() <= 1 and np.array_equal(sung, voice.speak(score))
    rate, mixed = render(score, sung)
    assert np.abs(mixed).max() < 0.95 and len(mixed) >= len(sung)


@needs_engine
def test_a_vowel_begins_on_the_beat() -> None:
    score = compose(SONG, MODEL)
    sung, tune = voice.speak(score), score.part("melody")
    louder = 0
    for note in tune:  # 60 ms from the beat on, against the 60 ms before it
        at = int(score.seconds(note.start) * 44_100)
        before, after = (np.square(sung[a : a + 2646]).mean() for a in (at - 2646, at))
        louder += after > before
    assert louder > 0.75 * len(tune)


def test_without_the_engine_or_words_nobody_sings(monkeypatch) -> None:
    assert voice.speak(compose(Song("No words"), MODEL)) is None
    monkeypatch.setattr(voice, "find_spec", lambda name: None)
    assert voice.speak(compose(SONG, MODEL)) is None


@needs_engine
def test_words_and_vowels_need_not_agree() -> None:
    odd = Song("x", SONG.sections[:1])
    lines = ("rhythm strengths hm", "Я иду домой", "1984 & 3.5", "naïve café fire")
    odd = Song("x", (type(SONG.sections[0])("verse", None, lines),))
    sung = voice.speak(compose(odd, MODEL))
    assert np.isfinite(sung).all() and np.abs(sung).max() > 0.3
