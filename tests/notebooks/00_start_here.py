"""What must hold behind the cells of ``00_start_here``, on any machine and corpus."""

HOLDS = {
    # 1 · The road, and your machine
    "6b500d9d71": lambda course: "00" in course.notebooks(),
    "11375fd3bd": lambda machine: machine.cores >= 1,
    # 2 · Your corpus
    "ff6fe1edd3": lambda course: len(course.corpus) > 0,
    "8557fedee5": lambda course: course.corpus.sizes.min() >= 0,
    "cda6a91574": lambda shared, course: (
        not shared or any("repeats the training" in note for note in course.corpus.notes)
    ),
    # 4 · A language model in ten lines
    "e12eb32f09": lambda learned, triples, model: (
        sum(seen.total() for seen in model.values()) == sum(len(triples(w)) for w in learned)
    ),
    "b873f8578b": lambda model, varied: model[varied].total() >= len(model[varied]),
    "46b19b6b48": lambda made: len(made) >= 3,
    # 5 · Which one is real?
    "68eb703db5": lambda guess: guess.real in "AB" and guess.a and guess.b,
    "34f8bccd06": lambda baseline, hits, held_out: (
        0 <= baseline <= len(held_out) and 0 <= hits <= len(held_out)
    ),
    "53ae6bed04": lambda seen: seen == sorted(seen),
    # Your progress
    "7dc2e6903d": lambda progress_so_far: all(
        done <= total for _, done, total in progress_so_far.counts
    ),
}
