"""A score: syllables on beats, notes that fit the chord, the same words on the same tune."""

from dataclasses import replace

import pytest
from tiny_song import MODEL, SONG

from course_lib.cleaning.lyrics import Section, Song, parse_song
from course_lib.song.arrange import STRENGTH, Groove, compose, fit, plan_song
from course_lib.song.tunes import SCALES
from course_lib.song.words import line_syllables


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
