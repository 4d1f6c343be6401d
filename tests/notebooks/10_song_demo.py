"""What must hold behind the cells of ``10_song_demo``, on any machine and corpus."""

HOLDS = {
    # 1 · The finished song
    "1001a1b2c3": lambda finished: finished.form() == "V C V C B C",
    "1001b2c3d4": lambda plan: plan.metre == "4/4" and 80 <= plan.tempo <= 132,
    "1001c3d4e5": lambda rate, samples, folder: (
        rate == 44_100
        and 30 < len(samples) / rate < 180
        and 0.3 < abs(samples).max() <= 1
        and (folder / "seven-billion-weights.wav").is_file()
    ),
    # 2 · Lyrics as they are scraped
    "1002b2c3d4": lambda changes: len(changes) > 5,
    "1002d4e5f6": lambda survived: (
        survived["careless"] < survived["as scraped"] < 0.9 * survived["notebook 04's"]
    ),
    # 3 · Syllables, stress, rhyme
    "1003b2c3d4": lambda syllables: len(syllables("billion")) == 2 and len(syllables("piano")) == 3,
    "1003c3d4e5": lambda wrong_count, wrong_stress: (
        len(wrong_count) <= 8 and len(wrong_stress) <= 16
    ),
    "1003d4e5f6": lambda missed, heard: len(missed) <= 3 and len(heard) <= 2,
    "1003f60718": lambda all_facts, usual: all(f.in_order for f in all_facts) and 9 < usual < 12,
    # 4 · The words
    "1004a1b2c3": lambda training, held_out: len(training) == 110 and len(held_out) == 13,
    "1004b2c3d4": lambda rows, length: all(len(row["input_ids"]) <= length for row in rows),
    "1004c3d4e5": lambda result, course: (
        course.profile == "smoke"
        or min(loss for _, loss in result.history.evaluations) < result.history.losses[0]
    ),
    "1004d4e5f6": lambda result, config: 0 < result.best_step <= config.max_steps,
    "1004e5f607": lambda before, after, number: len(before) == len(after) == number,
    "1004f60718": lambda table: len(table) == 3,
    "1004071829": lambda scores: all(0 <= part <= 1 for score in scores for part in score),
    "1004182930": lambda changed, ranked: 0 <= changed <= len(ranked),
    "1004293041": lambda written: (
        written.form() == "V C V C B C"
        and written.sections[1] == written.sections[3] == written.sections[5]
        and written.sections[1].lines[0].startswith("Seven Billion Weights")
    ),
    "1004304152": lambda verse: len(verse) > 0,
    # 5 · A tune is a text, too
    "1005a1b2c3": lambda patient: patient.tokens[:4] == ("major", "4/4", "1/4", "3"),
    "1005d4e5f6": lambda bits, melodies: (
        len(melodies) >= 40 and bits["3-gram"] < bits["2-gram"] < bits["1-gram"] < 5.5
    ),
    "1005e5f607": lambda gpt, bits: (
        gpt.history.losses[-1] < gpt.history.losses[0] and bits["transformer"] < 6
    ),
    "1005f60718": lambda chances: 0.5 < sum(chances.values()) < 1.0001,
    "1005182930": lambda continued, begun: (
        continued[: len(begun)] == list(begun) and continued.count("|") == 8
    ),
    "1005293041": lambda rate, sound, both: (
        rate == 44_100 and both.count("|") == 16 and 0.3 < abs(sound).max() < 1
    ),
    # 6 · A band for the words
    "1006a1b2c3": lambda plan: 60 <= plan.tempo <= 140,
    "1006d4e5f6": lambda sheet, finished: (
        [label for label, _ in sheet.sections[1:-1]] == [part.kind for part in finished.sections]
    ),
    "1006f60718": lambda string: max(map(abs, string[-4410:])) < 0.5 * max(map(abs, string[:4410])),
    "1006304152": lambda prompted: 0.3 < abs(prompted).max() <= 1,
    # 7 · A voice for the words
    "1007a1b2c3": lambda ah, ee: abs(ah).max() == 1 and abs(ah - ee).max() > 0.1,
    "1007c3d4e5": lambda voice: voice is None or 0.3 < abs(voice).max() <= 1,
    "1007d4e5f6": lambda voice, misses: (
        voice is None or sum(m <= 20 for m in misses) >= 0.9 * len(misses)
    ),
    # 8 · The mix
    "1008a1b2c3": lambda mixed, rate, own_sheet, folder: (
        abs(mixed).max() < 0.95
        and len(mixed) / rate >= own_sheet.seconds(own_sheet.beats)
        and (folder / "song.wav").stat().st_size > 44 * len(mixed) / 11.1
    ),
    "1008c3d4e5": lambda late, mixed: (
        all(abs(ms) <= 8 for ms in late) and abs(mixed[-1]).max() < 1e-3
    ),
    # 9 · Pack it, fetch it back
    "1009a1b2c3": lambda folder: (folder / "songs-adapter.zip").stat().st_size > 1_000,
    "1009b2c3d4": lambda again, expected: (again - expected).abs().max() < 1e-2,
    # 10 · What would make it better?
    "1010a1b2c3": lambda rows: len(rows) == 4,
    "1010b2c3d4": lambda bits_a_word: (
        [*bits_a_word.values()] == sorted(bits_a_word.values(), reverse=True)
    ),
    "1010c3d4e5": lambda rhyme: all(
        0 <= row["a verse"][0] <= row["a verse"][1] for row in rhyme.values()
    ),
    # 11 · Whose song is it?
    "1011a1b2c3": lambda rows, lines: len(rows) == len(lines),
    # Exercises
    "1013a1b2c3": lambda rhyme_score: rhyme_score(["a"], lambda *_: True) == 0,
    "1013b2c3d4": lambda slots: slots == sorted(set(slots)),
    "1013c3d4e5": lambda reggae, finished_score: (
        len(reggae.part("melody")) > 0 and reggae.part("kick") != finished_score.part("kick")
    ),
    # Your own corpus
    "1017a1b2c3": lambda pages, name: bool(name) and isinstance(pages, list),
    "1017b2c3d4": lambda lyrical, folder: not lyrical or (folder / "own-adapter.zip").is_file(),
    "1017c3d4e5": lambda own_song, folder: (
        own_song.form() in ("V C", "V C V C") and (folder / "own-song.txt").is_file()
    ),
}
