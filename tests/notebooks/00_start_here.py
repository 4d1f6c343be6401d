"""What must hold behind the cells of ``00_start_here``, on any machine and corpus."""

HOLDS = {
    # 1 · Ten lines that write
    "29ace5bb64": lambda learned: all(learned),
    "61ae5d9ab5": lambda came_next, learned: (
        sum(map(len, came_next.values())) == sum(max(0, len(w) - 2) for w in learned)
    ),
    "4bba918e3a": lambda text: len(text) <= 45,
    # 3 · The table is the model
    "e12eb32f09": lambda learned, triples, model: (
        sum(seen.total() for seen in model.values()) == sum(len(triples(w)) for w in learned)
    ),
    "b873f8578b": lambda model, varied: model[varied].total() >= len(model[varied]),
    # 4 · Your corpus
    "ff6fe1edd3": lambda course: len(course.corpus) > 0,
    "cda6a91574": lambda shared, course: (
        not shared or any("repeats the training" in note for note in course.corpus.notes)
    ),
    # 5 · Which one is real?
    "68eb703db5": lambda guess, made: guess.real in "AB" and guess.a and guess.b,
    # 6 · Look up every guess
    "4924521fec": lambda looked_up, made: len(looked_up.choices) == max(0, len(made) - 2),
    "c905bd3f25": lambda pieces, made: sum((words for words, _ in pieces), []) == made,
    "a778239869": lambda choices: all(number >= 1 for number in choices),
    # 7 · How good is it?
    "34f8bccd06": lambda baseline, hits, held_out: (
        0 <= baseline <= len(held_out) and 0 <= hits <= len(held_out)
    ),
    "53ae6bed04": lambda seen: seen[0] <= seen[-1],
    "493cce4365": lambda curves: len(curves) == 2,
    # Going further
    "6f00a2055a": lambda by_size: len(by_size) == 4,
    "11375fd3bd": lambda machine: machine.cores >= 1,
    # Your progress
    "7dc2e6903d": lambda progress_so_far: all(
        done <= total for _, done, total in progress_so_far.counts
    ),
    # What comes next
    "6b500d9d71": lambda course: "00" in course.notebooks(),
}
