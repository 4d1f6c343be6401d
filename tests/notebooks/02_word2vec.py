"""What must hold behind the cells of ``02_word2vec``, on any machine and corpus."""

HOLDS = {
    # 1 · What numbers can do
    "26a663bdea": lambda cosines: cosines.shape == (3, 3),
    # 2 · A word and its company
    "1d5f124040": lambda top, counts: all(word in counts for word in top),
    # 4 · Negative sampling
    "f7665b4097": lambda drawn: abs(sum(drawn) - 1) < 1e-6,
    # 6 · Twenty lines of Word2Vec
    "a2cc700dc5": lambda strips: strips.shape == (5, 10),
    "96e51c4529": lambda ranking: list(ranking)[0] == "dog",
    "9716f32b13": lambda slow_rate: slow_rate > 0,
    "34669c45bc": lambda fast_rate, slow_rate: fast_rate > slow_rate,
    # 7 · Training on a corpus
    "69b2284928": lambda training, corpus: len(training) and len(corpus.validation),
    "069afb6fda": lambda related: all(first != second for first, second in related),
    "d499b867ac": lambda keep, vocabulary: keep.max() <= 1 and vocabulary.counts.min() >= 5,
    "996198b3d9": lambda result: result.losses[-1][1] < result.losses[0][1],
    # 8 · Neighbours
    "0bb131f480": lambda rows: all(row[1] for row in rows),
    "de6519c574": lambda rows, asked: len(rows) == len(asked),
    "e5a0976f46": lambda stability: 0 <= stability <= 1,
    # 9 · Arithmetic on words
    "7181eb111a": lambda rows, eight: len(rows) == len(eight),
    "28245f13a2": lambda by_kind: all(0 <= value <= 100 for value in by_kind.values()),
    "5f0a2b8de0": lambda same, usable: same.total() == len(usable),
    # 10 · A map
    "a4fed2c405": lambda used, groups: len(used) == sum(map(len, groups.values())),
    "8d2fcaa0ca": lambda groups: len(groups) >= 1,
    # 11 · The simple rival: counting
    "2f36303829": lambda counted, vectors: len(counted) == len(vectors),
    "59d9b467e3": lambda asked: len(asked) == 391,
    # 12 · Searching
    "9a2511da7d": lambda task: len(task.queries) == len(task.documents),
    "1ae00fa42f": lambda recalls, hard: all(
        not found.answered or 0 <= found.value <= 1 for found in (*recalls.values(), *hard.values())
    ),
    "89f0fe5d0b": lambda rows, task: len(rows) == 3 * min(3, len(task)),
    # 13 · Where Word2Vec ends
    "823481775a": lambda uses, word: all(word in line.lower() for line in uses),
    # Going further
    "3c1e3c5e49": lambda association, vectors, actions: association(
        vectors, [], *actions
    ).startswith("cannot tell"),
}
