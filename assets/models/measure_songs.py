"""What a model learns from more songs, and what drafts and rhymes add: the log of notebook 10.

    python assets/models/measure_songs.py [--steps 10] [--texts 4] [--out FILE]

The same number of steps on a quarter, half and all of the songs, beside the base and the adapter
that ships; each writes several texts below two titles. Then first verses for the titles of held-out
songs by the adapter that ships: the first draft, the best of eight, and the best of eight with ends
made to rhyme, from the same drafts.
"""

import argparse
import dataclasses
import json
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

TITLES, LENGTH, TOKENS, DRAFTS = ("Seven Billion Weights", "Last Train Home"), 448, 220, 8


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--texts", type=int, default=4, help="below each of the two titles")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets/song/measured.json")
    asked, started = parser.parse_args(), time.perf_counter()
    training, held_out = songs()
    config = dataclasses.replace(CONFIG, max_steps=asked.steps, eval_steps=asked.steps)
    learned: dict[str, dict] = {}

    def measure(name: str, base: object, model: torch.nn.Module, known: list[str]) -> None:
        heads = [f"{title}\n\n[Verse 1]\n" for title in TITLES]
        texts = [
            head + text
            for head in heads
            for text in write(model, base.tokenizer, head, TOKENS, asked.texts, **VERSE)
        ]
        rows = per_document(held_out[:6], base.tokenizer, LENGTH)
        learned[name] = counted([parse_song(text) for text in texts], known)
        learned[name]["bits per byte"] = round(bits_per_byte(base, model, rows), 3)
        print(name, learned[name], f"{time.perf_counter() - started:.0f} s", flush=True)

    base = load_base(SPEAKING, four_bit=False)
    measure("before", base, base.model, training)
    for name, number in (("a quarter", 28), ("half", 55), ("all", len(training))):
        base = load_base(SPEAKING, four_bit=False)
        rows = per_document(training[:number], base.tokenizer, LENGTH)
        with tempfile.TemporaryDirectory() as folder:
            new = per_document(held_out[:2], base.tokenizer, 64)
            result = fine_tune(base, rows, new, config, Path(folder))
        measure(f"{name} ({number} songs)", base, result.model, training[:number])
    base = load_base(SPEAKING, four_bit=False)
    singer = load_adapter(base, REPOSITORY / "assets/models/songs-adapter")
    measure("the adapter that ships", base, singer, training)
    learned["the songbook"] = counted([parse_song(text) for text in training], [])
    usual = float(learned["the songbook"]["syllables a line"])

    index = writer.rhyme_index(base.tokenizer, training)
    verses: dict[str, list[Song]] = {}
    for title in (parse_song(text).title for text in held_out):
        head = f"{title}\n\n[Verse 1]\n"
        found = writer.drafts(singer, base.tokenizer, head, DRAFTS)
        mended = [writer.rhymed(singer, base.tokenizer, f"{title}\n", d, index) for d in found]
        ways = {"first draft": found[:1], "best of 8": found, "best of 8, ends rhymed": mended}
        for name, some in ways.items():
            best = max(some, key=lambda d: sum(writer.score(d, title, usual, training)))
            verses.setdefault(name, []).append(Song(title, (Section("verse", 1, best),)))
    written = {name: counted(some, training) for name, some in verses.items()}
    made = f"{time.strftime('%Y-%m-%d')}, {asked.steps} steps of {config.batch_size} songs, "
    made += f"{time.perf_counter() - started:,.0f} s on {platform.machine()}, torch "
    write_json(asked.out, {"learned": learned, "writer": written, "made": made + torch.__version__})
    print(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
