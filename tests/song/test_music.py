"""Sound and voice, held by what is in it: level, onsets in milliseconds, pitch in cents."""

import io
import wave
from importlib.util import find_spec

import numpy as np
import pytest
from tiny_song import MODEL, SONG

from course_lib.cleaning.lyrics import Song
from course_lib.errors import CourseError
from course_lib.song import music, voice
from course_lib.song.arrange import compose
from course_lib.song.music import render
from course_lib.song.player import MAX_BYTES, play, save_wav
from course_lib.song.voice import heard_pitch


@pytest.mark.parametrize("seed", range(5))
def test_a_rendered_song_is_sound(seed: int) -> None:
    score = compose(SONG, MODEL, seed)
    rate, sound = music.render(score)
    assert (rate, sound.dtype, sound.shape[1]) == (44_100, np.float32, 2)
    assert 0 < len(sound) / rate - score.seconds(score.beats) < 4
    assert 0.5 < np.abs(sound).max() < 0.95 and 0.08 < np.sqrt((sound**2).mean()) < 0.25
    assert np.abs(sound.mean(0)).max() < 0.01 and np.abs(sound[-100:]).max() < 1e-3
    flat = (np.abs(np.diff(sound[:, 0])) < 1e-7) & (np.abs(sound[1:, 0]) > 0.9)
    assert flat.mean() < 1e-4  # nothing is cut off
    assert np.array_equal(sound, music.render(score)[1])
    spectrum = np.abs(np.fft.rfft(sound.mean(1))) ** 2
    bass, high = (int(f * len(sound) / rate) for f in (250, 4000))
    assert 0.15 < spectrum[:bass].sum() / spectrum.sum() < 0.85
    assert 1e-4 < spectrum[high:].sum() / spectrum.sum() < 0.2


@pytest.mark.parametrize("part", ["kick", "pluck"])
def test_onsets_are_on_the_beat(part: str) -> None:
    score = compose(SONG, MODEL)
    rate, sound = music.render(score, parts=(part,))
    bright = np.diff(sound.mean(1), 2, append=[0, 0])  # what is new is high first
    energy = (bright[: len(bright) // 44 * 44].reshape(-1, 44) ** 2).sum(1)  # 1 ms
    starts = sorted({score.seconds(n.start) for n in score.part(part)})
    for start in [s for s, after in zip(starts, starts[1:], strict=False) if after - s > 0.2]:
        at = round(start * rate / 44)
        window = np.diff(energy[max(0, at - 40) : at + 40])
        assert abs(int(window.argmax()) + 1 - min(at, 40)) <= 8  # milliseconds


@pytest.mark.parametrize("part", ["melody", "pluck", "bass", "pad"])
def test_instruments_are_in_tune(part: str) -> None:
    for pitch in (40, 52, 57, 64, 70):
        sound = music.INSTRUMENTS[part](pitch, 1.5)
        assert abs(heard_pitch(sound, music.RATE, 0.3, 1.0, pitch)) < 5


def test_music_for_a_prompt() -> None:
    rate, sound = music.make_music("a slow waltz in the rain", 12, seed=1)
    assert len(sound) == 12 * rate and 0.3 < np.abs(sound).max() < 1
    assert not np.array_equal(sound, music.make_music("a slow waltz in the rain", 12, seed=2)[1])
    for wrong in ({"seconds": 0}, {"engine": "orchestra"}):
        with pytest.raises(CourseError):
            music.make_music("a", **wrong)
    with pytest.raises(CourseError, match="diffusers|graphics card|licence"):
        music.make_music("a", engine="stable-audio")


def test_the_player_embeds_little_and_keeps_all(tmp_path) -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1, 1, (30 * 44_100, 2)).astype(np.float32)
    player = play(44_100, sound, tmp_path / "songs" / "a.wav", seconds=10)
    assert 250_000 < len(player.preview) <= MAX_BYTES and "a.wav" in repr(player)
    assert player._repr_html_().count("data:audio/wav;base64,") == 1
    for file, rate, seconds in (
        (str(tmp_path / "songs" / "a.wav"), 44_100, 30),
        (io.BytesIO(player.preview), 14_700, 10),
    ):
        with wave.open(file) as read:
            assert (read.getframerate(), read.getnframes()) == (rate, rate * seconds)
    for wrong in (sound[:0], sound * 1.1, sound * np.nan):
        with pytest.raises(CourseError, match="no sound"):
            save_wav(tmp_path / "b.wav", 44_100, wrong)


@pytest.mark.skipif(find_spec("diffusers") is None, reason="the extra `audio` is not installed")
def test_stable_audio_as_a_tiny_pipeline() -> None:
    from tiny_song import pipeline

    rate, sound = music.diffuse(pipeline(), "a bell", 0.01, seed=3, num_inference_steps=2)
    again = music.diffuse(pipeline(), "a bell", 0.01, seed=3, num_inference_steps=2)[1]
    assert rate == 44_100 and sound.shape == (441, 2) and np.isfinite(sound).all()
    assert np.array_equal(sound, again)


# --- The voice ---
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
    lines = ("rhythm strengths hm", "Я иду домой", "1984 & 3.5", "naïve café fire")
    odd = Song("x", (type(SONG.sections[0])("verse", None, lines),))
    sung = voice.speak(compose(odd, MODEL))
    assert np.isfinite(sung).all() and np.abs(sung).max() > 0.3
