"""What the songs adapter learned, and what drafts and rhymes add: the log that notebook 10 shows.

    python assets/models/measure_songs.py [--steps 24] [--texts 12] [--seeds 5] [--out FILE]

The same number of steps on a quarter, half and all of the songs, beside the base and the adapter
that ships; each goes on with the titles of held-out songs. Then whole songs on one title by the
writer of notebook 10: one draft a section, the best of eight, and eight with ends made to rhyme.
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

from course_lib.cleaning.lyrics import Song, parse_song
from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.examples import per_document
from course_lib.finetuning.falcon import SPEAKING, VERSE, load_base, write
from course_lib.finetuning.memorisation import copied_lines
from course_lib.finetuning.train import fine_tune
from course_lib.places import REPOSITORY
from course_lib.song.words import facts, rhyming
from course_lib.song.writer import rhyme_index, write_song
from course_lib.workbook.settings import write_json

TITLE, LENGTH, TOKENS, DRAFTS = "Seven Billion Weights", 448, 320, 8


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
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "assets/song/measured.json")
    asked, started = parser.parse_args(), time.perf_counter()
    training, held_out = songs()
    config = dataclasses.replace(CONFIG, max_steps=asked.steps, eval_steps=asked.steps)
    learned: dict[str, dict] = {}

    def measure(name: str, base: object, model: torch.nn.Module, known: list[str]) -> None:
        titles = [parse_song(text).title for text in held_out[: asked.texts]]
        heads = [f"{title}\n\n[Verse 1]\n" for title in titles]
        texts = [h + write(model, base.tokenizer, h, TOKENS, **VERSE)[0] for h in heads]
        rows = per_document(held_out, base.tokenizer, LENGTH)
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

    index, writer = rhyme_index(base.tokenizer, training), {}
    ways = {"one draft": (1, None), "best of 8": (8, None), "best of 8, ends rhymed": (8, index)}
    for name, (count, words) in ways.items():
        options = {"index": words, "count": count}
        written = [
            write_song(singer, base.tokenizer, TITLE, training, **options, seed=seed)
            for seed in range(asked.seeds)
        ]
        writer[name] = counted(written, training)
        print(name, writer[name], f"{time.perf_counter() - started:.0f} s", flush=True)
    made = f"{time.strftime('%Y-%m-%d')}, {asked.steps} steps of {config.batch_size} songs, "
    made += f"{time.perf_counter() - started:,.0f} s on {platform.machine()}, torch "
    write_json(asked.out, {"learned": learned, "writer": writer, "made": made + torch.__version__})
    print(json.dumps(learned["the songbook"]))


if __name__ == "__main__":
    main()
