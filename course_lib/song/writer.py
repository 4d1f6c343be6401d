"""A song, section by section: some are drawn, their ends made to rhyme, and the best one stays.

A small model tells no story over a whole song and hardly rhymes. So it writes one section at a
time, below a label that we give; each is drawn several times; the last line gets an end that rhymes
with the line two above, if the model finds one likely enough; a score chooses. The title opens the
chorus, and the chorus comes back word for word.
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
LINES, TOKENS = 4, 60  # of a section
LEAST = 1 / 2_000  # probability from which a word that rhymes is put in

Index = Mapping[str, Mapping[int, str]]


class Manner(NamedTuple):
    """How a pile of songs is written: syllables of a line on average, and all texts."""

    syllables: float
    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Manner":
        """Of texts of songs; ten syllables, as in many songs, where there is no line."""
        texts = tuple(texts)
        lines = (line for text in texts for line in text.splitlines() if not read_label(line))
        counts = [len(found) for line in lines if (found := line_syllables(line))]
        return cls(statistics.fmean(counts or [10]), texts)


class Score(NamedTuple):
    """What a section is worth, each from 0 to 1.

    rhyme   the share of its lines that rhyme with one at most two lines away
    metre   1 where every line has the usual number of syllables; 0 at none or at twice as many
    fresh   the share of lines that stand neither in a song learned from nor above in this one
    topic   whether a word of the title is in it
    whole   the share of four lines that are there
    """

    rhyme: float
    metre: float
    fresh: float
    topic: float
    whole: float


def score(lines: Sequence[str], title: str, manner: Manner, above: str = "") -> Score:
    """The score of a section that is to follow ``above``; without lines all is 0."""
    if not lines:
        return Score(0, 0, 0, 0, 0)
    usual = max(1.0, manner.syllables)
    off = [min(1.0, abs(len(line_syllables(line)) - usual) / usual) for line in lines]
    again = [*copied_lines(lines, manner.texts), *copied_lines(lines, [above])]
    asked = {word for word in words(title) if len(word) > 3} or set(words(title))
    return Score(
        statistics.fmean(rhyming(lines)),
        1 - statistics.fmean(off),
        1 - len(set(again)) / len(lines),
        float(bool(asked & set(words(" ".join(lines))))),
        min(1.0, len(lines) / LINES),
    )


def whole_lines(text: str) -> tuple[str, ...]:
    """The first lines of a drawn text, up to a blank one or a label; the last, cut off, goes."""
    lines = text.split("\n")
    ends = (n for n, line in enumerate(lines) if n and (not line.strip() or read_label(line)))
    return tuple(line.strip() for line in lines[: next(ends, len(lines) - 1)] if line.strip())[
        :LINES
    ]


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


def drafts(
    model: Any, tokenizer: Any, prompt: str, count: int, seed: int = 0
) -> list[tuple[str, ...]]:
    """``count`` sections, drawn as in ``falcon.VERSE``; a line that the prompt begins belongs to
    them."""
    begun = prompt.rsplit("\n", 1)[-1]
    drawn = write(model, tokenizer, prompt, TOKENS, count, **VERSE, seed=seed)
    return [whole_lines(begun + text) for text in drawn]


def write_song(
    model: Any,
    tokenizer: Any,
    title: str,
    manner: Manner,
    *,
    index: Index | None = None,
    form: Sequence[str] = FORM,
    count: int = 8,
    seed: int = 0,
) -> Song:
    """A song of the title, in the form asked for.

    manner   of the songs learned from
    index    words to make the last lines rhyme with; None: they stay as drawn
    count    drafts of each section, of which the one with the highest score stays

    A kind that returns (the chorus) is written once.
    """
    sections: list[Section] = []
    for kind in form:
        again = [one for one in sections if one.kind == kind and kind in RETURNING]
        if again:
            sections.append(again[0])
            continue
        number = 1 + sum(one.kind == kind for one in sections) if kind == "verse" else None
        begun = Song(title, (*sections, Section(kind, number, ())))
        above = lyrics(begun)
        hook = title if kind == "chorus" else ""
        found = drafts(model, tokenizer, above + hook, count, seed)
        if index:
            head = f"{title}\n\n{above.rsplit(chr(10) * 2, 1)[-1]}".rstrip("\n")
            found = [rhymed(model, tokenizer, head, lines, index) for lines in found]
        best = max(found, key=lambda lines: sum(score(lines, title, manner, above)))
        sections.append(Section(kind, number, best or (title,)))
    return Song(title, tuple(sections))
