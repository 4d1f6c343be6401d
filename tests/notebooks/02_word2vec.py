"""What must hold behind the cells of ``02_word2vec``, on any machine and corpus."""

HOLDS = {
    # 6 · The slow class, and the fast one
    "9716f32b13": lambda fast_rate, slow_rate: fast_rate > slow_rate,
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
    "28245f13a2": lambda asked, same: same["b"] + same["c"] <= len(asked),
    # 10 · A map
    "a4fed2c405": lambda used, groups: len(used) == sum(map(len, groups.values())),
    "8d2fcaa0ca": lambda draw: "distances" in draw(10).sentence,
    # 11 · The simple rival: counting
    "2f36303829": lambda counted, vectors: len(counted) == len(vectors),
    # 12 · Searching
    "9a2511da7d": lambda task: len(task.queries) == len(task.documents),
    "1ae00fa42f": lambda recalls: all(
        not found.answered or 0 <= found.value <= 1 for found in recalls.values()
    ),
    "89f0fe5d0b": lambda library: len(library) == len(library.documents),
    # 13 · What the vectors picked up besides
    "3c1e3c5e49": lambda association, vectors, actions: association(
        vectors, [], *actions
    ).startswith("cannot tell"),
    "a0b840c4cb": lambda models, found: len(models) == 3 and all(found),
    # 14 · Where Word2Vec ends
    "823481775a": lambda uses, word: all(word in line.lower() for line in uses),
}
