"""What a model learns from more songs, and what drafts and rhymes add: the log of notebook 10.

    python assets/models/measure_songs.py [--steps 10] [--texts 8] [--out FILE]

The same number of steps on a quarter, half and all of the songs, beside the base and the adapter
that ships; each writes several texts below one title. Then first verses for the titles of held-out
songs by the adapter that ships: the first draft, the best of eight, and the best of eight with ends
made to rhyme, from the same drafts.
"""

import argparse
import dataclasses
import platform
import tempfile
import time
from pathlib import Path

import torch
from train_songs_adapter import CONFIG, bits_per_byte, songs

from course_lib.cleaning.lyrics import Section, Song, parse_song
from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.examples import per_document
from course_lib.finetuning.falcon import SPEAKING, VERSE, load_base, write
from course_lib.finetuning.memorisation import copied_lines
from course_lib.finetuning.train import fine_tune
from course_lib.places import REPOSITORY
from course_lib.song import writer
from course_lib.song.words import facts, rhyming
from course_lib.workbook.settings import write_json

TITLE, LENGTH, TOKENS, DRAFTS = "Seven Billion Weights", 448, 200, 8


def counted(texts: list[Song], known: list[str]) -> dict[str, object]:
    """Facts of several songs, as counts: texts, and lines of their sections, each written once."""
    sections = [dict.fromkeys(song.sections) for song in texts]
    lines = [line for some in sections for section in some for line in section.lines]
    rhymed = [hit for some in sections for section in some for hit in rhyming(section.lines)]
    found = [facts(song) for song in texts]
    return {
        "texts": len(texts),
        "labels in order": sum(bool(one.in_order) for one in found),
        "a chorus returns": sum(one.returns for one in found),
        "lines": len(lines),
        "lines that rhyme": sum(rhymed),
        "syllables a line": round(sum(one.syllables for one in found) / len(found), 2),
        "lines of 5 words or more copied": len(copied_lines(lines, known)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets/song/measured.json")
    asked, started = parser.parse_args(), time.perf_counter()
    training, held_out = songs()
    config = dataclasses.replace(CONFIG, max_steps=asked.steps, eval_steps=asked.steps)
    songbook = counted([parse_song(text) for text in training], [])
    log: dict[str, dict] = {"learned": {"the songbook": songbook}, "writer": {}}

    def keep(kind: str, name: str, found: dict[str, object]) -> None:
        """The log so far, so that an interruption loses one line at most."""
        log[kind][name] = found
        made = f"{time.strftime('%Y-%m-%d')}, {asked.steps} steps of {config.batch_size} songs, "
        log["made"] = f"{made}{platform.machine()}, torch {torch.__version__}"
        write_json(asked.out, log)
        print(name, found, f"{time.perf_counter() - started:.0f} s", flush=True)

    def measure(name: str, base: object, model: torch.nn.Module, known: list[str]) -> None:
        head = f"{TITLE}\n\n[Verse 1]\n"
        texts = write(model, base.tokenizer, head, TOKENS, asked.texts, **VERSE)
        found = counted([parse_song(head + text) for text in texts], known)
        rows = per_document(held_out[:6], base.tokenizer, LENGTH)
        keep("learned", name, found | {"bits per byte": round(bits_per_byte(base, model, rows), 3)})

    base = load_base(SPEAKING, four_bit=False)
    singer = load_adapter(base, REPOSITORY / "assets/models/songs-adapter")
    index, usual = writer.rhyme_index(base.tokenizer, training), songbook["syllables a line"]
    verses: dict[str, list[Song]] = {}
    for title in (parse_song(text).title for text in held_out):
        head = f"{title}\n\n[Verse 1]\n"
        found = writer.drafts(singer, base.tokenizer, head, DRAFTS)
        mended = [writer.rhymed(singer, base.tokenizer, f"{title}\n", d, index) for d in found]
        ways = {"first draft": found[:1], "best of 8": found, "best of 8, ends rhymed": mended}
        for name, some in ways.items():
            best = max(some, key=lambda d: sum(writer.score(d, title, usual, training)))
            verses.setdefault(name, []).append(Song(title, (Section("verse", 1, best),)))
    for name, some in verses.items():
        keep("writer", name, counted(some, training))

    measure("the adapter that ships", base, singer, training)
    with singer.disable_adapter():
        measure("before", base, singer, training)
    for name, number in (("a quarter", 28), ("half", 55), ("all", len(training))):
        base = load_base(SPEAKING, four_bit=False)
        rows = per_document(training[:number], base.tokenizer, LENGTH)
        with tempfile.TemporaryDirectory() as folder:
            new = per_document(held_out[:2], base.tokenizer, 64)
            result = fine_tune(base, rows, new, config, Path(folder))
        measure(f"{name} ({number} songs)", base, result.model, training[:number])


if __name__ == "__main__":
    main()
