"""A song, section by section: several drafts are drawn, ends made to rhyme, and the best one stays.

A small model keeps no story over a whole song and hardly rhymes. So it writes one section at a
time, below a label that we give; each section is drafted several times; the last line gets an end
that rhymes with the line two above, if the model finds one likely enough; a score chooses. The
title opens the chorus, and the chorus comes back word for word.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from course_lib.cleaning.lyrics import RETURNING, Section, Song, read_label
from course_lib.finetuning.falcon import VERSE, write
from course_lib.finetuning.memorisation import copied_lines
from course_lib.song.words import line_syllables, lyrics, rhyme_sounds, rhymes, rhyming
from course_lib.workbook.corpus.words import words

FORM = ("verse", "chorus", "verse", "chorus", "bridge", "chorus")
LINES, TOKENS = 4, 60  # of a section; tokens to draw for them
LEAST = 1 / 500  # probability from which a rhyming word is put in

Index = Mapping[str, Mapping[int, str]]


class Score(NamedTuple):
    """What a section is worth: each from 0 to 1, and the sum decides."""

    rhyme: float  # the share of lines that rhyme with one at most two lines away
    metre: float  # 1 if the worst line has the usual syllables; 0 at none, or at twice as many
    fresh: float  # the share of lines that stand in no song learned from
    topic: float  # 1 if a word of the title is in it
    whole: float  # the share of the four lines that is there


def score(lines: Sequence[str], title: str, usual: float, known: Sequence[str]) -> Score:
    """The score of a section; ``usual`` syllables a line, ``known`` texts not to be copied from."""
    if not lines:
        return Score(0, 0, 0, 0, 0)
    off = [min(1.0, abs(len(line_syllables(line)) - usual) / usual) for line in lines]
    asked = {word for word in words(title) if len(word) > 3} or set(words(title))
    return Score(
        statistics.fmean(rhyming(lines)),
        1 - max(off),
        1 - len(copied_lines(lines, known)) / len(lines),
        float(not asked.isdisjoint(words(" ".join(lines)))),
        len(lines) / LINES,
    )


def drafts(
    model: Any, tokenizer: Any, prompt: str, count: int, seed: int = 0
) -> list[tuple[str, ...]]:
    """``count`` sections of up to four whole lines, drawn as in ``falcon.VERSE``.

    A line that the prompt has begun belongs to them. A section ends at a blank line or a label, and
    its last line goes if the drawing ended within it.
    """
    found = []
    for text in write(model, tokenizer, prompt, TOKENS, count, **VERSE, seed=seed):
        lines = (prompt.rsplit("\n", 1)[-1] + text).split("\n")
        ends = (n for n, line in enumerate(lines) if not line.strip() or read_label(line))
        whole = lines[: next(ends, len(lines) - 1)][:LINES]
        found.append(tuple(line.strip() for line in whole))
    return found


def rhyme_index(tokenizer: Any, texts: Iterable[str]) -> Index:
    """For each sound the words of the texts that end in it, by token; only words of one token.

    Words that a line does not lean on ("the") end no line.
    """
    index: dict[str, dict[int, str]] = defaultdict(dict)
    for word in sorted({word for text in texts for word in words(text) if word.isalpha()}):
        ids = tokenizer(f" {word}", add_special_tokens=False).input_ids
        if len(ids) == 1 and any(part.stressed for part in line_syllables(word)):
            for sound in rhyme_sounds(word):
                index[sound][ids[0]] = word
    return index


@torch.no_grad()
def rhymed(
    model: Any, tokenizer: Any, above: str, lines: Sequence[str], index: Index
) -> tuple[str, ...]:
    """The section with a new end to its last line, the likeliest that rhymes two lines above.

    The line may be cut before each of its last four words; at each cut the model says how likely
    each rhyming word is. Unchanged if it rhymes already, or if nothing reaches ``LEAST``.
    """
    *first, last = lines or ("",)
    goal = (first[-2:] or [""])[0]
    near = [pair for sound in rhyme_sounds(goal) for pair in index.get(sound, {}).items()]
    ends = {token: word for token, word in near if rhymes(word, goal)}
    pieces, before = last.split(), "\n".join([above, *first, ""])
    starts = [" ".join(pieces[:n]) for n in range(max(2, len(pieces) - 4), len(pieces))]
    if not ends or not starts or any(rhymes(last, line) for line in first):
        return tuple(lines)
    encoded = [tokenizer(before + start, add_special_tokens=False).input_ids for start in starts]
    places = torch.tensor([len(ids) - 1 for ids in encoded], device=model.device)
    longest = torch.tensor(encoded[-1:], device=model.device)
    logits = model(longest, logits_to_keep=places).logits[0]
    probs = logits.float().softmax(-1)[:, list(ends)]
    cut, word = divmod(int(probs.argmax()), len(ends))
    if probs[cut, word] < LEAST:
        return tuple(lines)
    return (*first, f"{starts[cut]} {list(ends.values())[word]}.")


def write_song(
    model: Any,
    tokenizer: Any,
    title: str,
    known: Sequence[str],
    usual: float = 10,
    *,
    index: Index | None = None,
    form: Sequence[str] = FORM,
    count: int = 8,
    seed: int = 0,
) -> Song:
    """A song of the title in the form asked for; a kind that returns (chorus) is written once.

    known   texts learned from, of which no line should be copied; ``usual`` syllables a line
    index   words that may be put in to rhyme (``rhyme_index``); None: lines stay as drawn
    count   drafts of each section, of which the one with the highest score stays
    """
    sections: list[Section] = []
    for kind in form:
        again = [one for one in sections if one.kind == kind and kind in RETURNING]
        if again:
            sections.append(again[0])
            continue
        number = 1 + sum(one.kind == kind for one in sections) if kind == "verse" else None
        above = lyrics(Song(title, (*sections, Section(kind, number, ()))))
        hook = title if kind == "chorus" else ""
        found = drafts(model, tokenizer, above + hook, count, seed)
        if index:
            found = [rhymed(model, tokenizer, f"{title}\n", lines, index) for lines in found]
        best = max(found, key=lambda lines: sum(score(lines, title, usual, known)))
        sections.append(Section(kind, number, best or (title,)))
    return Song(title, tuple(sections))
