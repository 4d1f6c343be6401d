"""Tunes: ABC in, tokens out, and models that learn them."""

import random
from fractions import Fraction

import pytest

from course_lib.errors import CourseError
from course_lib.history.ngrams import KneserNey
from course_lib.song.tunes import (
    FOLDER,
    TuneGPT,
    bits_per_token,
    draw,
    load_tunes,
    pitch_token,
    read_abc,
    semitones,
)

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
