"""Tunes as tokens and their models; a score: syllables on beats, notes that fit the chord."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from tiny_song import MODEL, SONG

from course_lib.cleaning.lyrics import Section, Song, parse_song
from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.song.arrange import STRENGTH, Groove, compose, fit, plan_song
from course_lib.song.tunes import (
    FOLDER,
    SCALES,
    TuneGPT,
    bits_per_token,
    draw,
    load_tunes,
    pitch_token,
    read_abc,
    semitones,
)
from course_lib.song.words import line_syllables

TUNES = load_tunes()
HEAD = "X:1\nT:Try\nM:3/4\nL:1/8\nK:{}\n"


def test_our_tunes_are_many_varied_and_their_bars_full() -> None:
    assert len(TUNES) >= 40 and len({t.title for t in TUNES}) == len(TUNES)
    assert {t.tokens[0] for t in TUNES} == {"major", "minor", "dorian", "mixolydian"}
    assert {t.tokens[1] for t in TUNES} == {"4/4", "3/4", "6/8"}
    for path in FOLDER.glob("*.abc"):
        assert "CC BY 4.0" in path.read_text(encoding="utf-8")
    for tune in TUNES:
        bars = "\0".join(tune.tokens[2:]).strip("\0|").split("\0|\0")
        sums = [sum(map(Fraction, bar.split("\0")[::2])) for bar in bars]
        full, upbeat = Fraction(tune.tokens[1]), sums[0]
        whole = sums if upbeat == full else [*sums[1:-1], upbeat + sums[-1]]
        assert len(whole) == 16 and set(whole) == {full}, tune.title


def test_a_tune_has_the_same_tokens_in_every_key() -> None:
    g, d = (
        read_abc(HEAD.format(key) + body)[0]
        for key, body in (("G", "G2B,2z2|g/2a3/2|]"), ("D", "D2F,2z2|d/2e3/2|]"))
    )
    assert g.tokens == d.tokens
    assert g.tokens[2:8] == ("1/4", "1", "1/4", "3,", "1/4", "z")
    assert g.tokens[8:] == ("|", "1/16", "1'", "3/16", "2'", "|")
    assert [semitones(s, "minor") for s in (-1, 2, 9)] == [-2, 3, 15]
    assert [pitch_token(s) for s in (-8, 0, 8)] == ["7,,", "1", "2'"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A song without notes", "X:1"),
        (HEAD.format("H"), "K:G"),
        (HEAD.format("Glyd") + "G", "K:G"),
        ("X:1\nM:C\nK:G\nG", "M:3/4"),
        (HEAD.format("G") + "G2 B2|d2 ? d2|", "bar 2.*'\\?'"),
        (HEAD.format("G") + "G2 G2 G2 G2|", "bar 1.*longer than 3/4"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(CourseError, match=why):
        read_abc(text)


def test_models_predict_held_out_tunes_and_obey_a_mask() -> None:
    train, new = [t for n, t in enumerate(TUNES) if n % 6], TUNES[::6]
    names = {token for tune in TUNES for token in tune.tokens}
    bits = [bits_per_token(KneserNey([t.tokens for t in train], n, names), new) for n in (1, 3, 5)]
    assert bits[2] < bits[1] < 0.8 * bits[0]
    gpt = TuneGPT(train, names, max_steps=30)
    assert gpt.history.losses[-1] < 0.8 * gpt.history.losses[0]
    assert bits_per_token(gpt, new[:2]) < 6
    context = train[0].tokens[:9]
    assert sum(gpt.probability(token, context) for token in gpt._ids) == pytest.approx(1)
    for model in (gpt, KneserNey([t.tokens for t in train], 5, names)):
        drawn = {draw(model, context, ["1", "3"], random.Random(seed)) for seed in range(20)}
        assert drawn <= {"1", "3"}


# --- The score ---
@pytest.mark.parametrize("metre", STRENGTH)
def test_stress_falls_on_weight(metre: str) -> None:
    lines = [line for section in SONG.sections for line in section.lines]
    heavy, stressed = 0, 0
    for line in [*lines, "Go", "a " * 40]:
        syllables = line_syllables(line)
        slots, bars, _ = fit(syllables, metre)
        assert slots == sorted(set(slots)) and len(slots) == len(syllables)
        assert slots[0] >= -2 and slots[-1] <= bars * len(STRENGTH[metre]) - 4 and bars % 2 == 0
        marks = [slot for slot, s in zip(slots, syllables, strict=True) if s.stressed]
        heavy += sum(STRENGTH[metre][slot % len(STRENGTH[metre])] > 0 for slot in marks)
        stressed += len(marks)
    assert heavy > 0.8 * stressed


@pytest.mark.parametrize("seed", range(5))
def test_a_score_keeps_its_promises(seed: int) -> None:
    score = compose(SONG, MODEL, seed)
    assert score == compose(SONG, MODEL, seed) != compose(SONG, MODEL, seed + 1)
    tune, plan = score.part("melody"), score.plan
    lines = [line for section in SONG.sections for line in section.lines]
    words = "".join(note.text for note in tune).split()
    assert words == [w for line in lines for w in line.replace(",", "").replace(".", "").split()]
    scale = {(plan.tonic + step) % 12 for step in SCALES[plan.mode]}
    pitched = [n for n in score.notes if n.part not in ("kick", "snare", "hat")]
    assert {n.pitch % 12 for n in pitched} <= scale and all(n.beats > 0 for n in score.notes)
    steps = [abs(a.pitch - b.pitch) for a, b in zip(tune, tune[1:], strict=False)]
    assert max(steps) <= 12 and sum(step <= 4 for step in steps) > 0.7 * len(steps)
    starts = dict(score.sections[n] for n in (2, 4))
    assert list(starts) == ["chorus"]  # twice
    first, again = (start for label, start in score.sections if label == "chorus")
    chorus = [
        [replace(n, start=n.start - at, line=0) for n in tune if n.line in own]
        for at, own in ((first, (4, 5)), (again, (8, 9)))
    ]
    assert chorus[0] == chorus[1] and chorus[0][-1].pitch % 12 == plan.tonic % 12
    size = len(STRENGTH[plan.metre])
    for note in tune:  # on the heaviest eighth the note belongs to the chord
        if round(note.start * 2) % size == 0:
            chord = {n.pitch % 12 for n in score.part("pad") if n.start == note.start}
            assert note.pitch % 12 in chord


def test_the_words_decide_and_a_groove_can_be_given() -> None:
    sad, glad = (
        Song(t, (Section("", None, (t,)),))
        for t in ("lonely death and tears of grief", "happy love, the best of joy")
    )
    assert plan_song(sad).mode == "minor" and plan_song(glad).mode == "major"
    assert plan_song(Song("A slow waltz")).metre == "3/4" and plan_song(Song("Jig")).metre == "6/8"
    assert plan_song(Song("A slow song")).tempo < plan_song(Song("A fast song")).tempo
    metre = plan_song(SONG).metre
    own = Groove(*("x" + "." * (len(STRENGTH[metre]) - 1),) * 3, "0", "0")
    kicks = compose(SONG, MODEL, grooves={metre: own}).part("kick")
    assert {n.start % (len(STRENGTH[metre]) / 2) for n in kicks} == {0}


@pytest.mark.parametrize(
    "song",
    [
        Song("Only a title"),
        Song(""),
        parse_song("one line of words"),
        Song("", (Section("", None, ("!",)),)),
        parse_song("Песня\n\nЯ иду домой по снегу\nи пою о чём-то\n\n我们唱歌\nמילים בלי סוף"),
    ],
)
def test_unusual_songs_become_sensible_scores(song: Song) -> None:
    score = compose(song, MODEL)
    assert 10 < score.seconds(score.beats) < 200 and len(score.part("melody")) >= 3
