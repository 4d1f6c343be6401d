"""What must hold behind the cells of ``02_word2vec``, whatever the machine and the corpus."""

from invariants import after


@after("9716f32b13")
def section_6_the_slow_class_and_the_fast_one(fast_rate, slow_rate):
    assert fast_rate > slow_rate


@after("69b2284928")
def section_7_training_on_a_corpus(training, corpus):
    assert len(training) and len(corpus.validation)


@after("069afb6fda")
def section_7_training_on_a_corpus_2(related):
    assert all(first != second for first, second in related)


@after("d499b867ac")
def section_7_training_on_a_corpus_3(keep, vocabulary):
    assert keep.max() <= 1 and vocabulary.counts.min() >= 5


@after("996198b3d9")
def section_7_training_on_a_corpus_4(result):
    assert result.losses[-1][1] < result.losses[0][1]


@after("0bb131f480")
def section_8_neighbours(rows):
    assert all(row[1] for row in rows)


@after("de6519c574")
def section_8_neighbours_2(rows, asked):
    assert len(rows) == len(asked)


@after("e5a0976f46")
def section_8_neighbours_3(stability):
    assert 0 <= stability <= 1


@after("28245f13a2")
def exercise_2_4_the_analogy_10_minutes(asked, same):
    assert same["b"] + same["c"] <= len(asked)


@after("a4fed2c405")
def section_10_a_map(used, groups):
    assert len(used) == sum(map(len, groups.values()))


@after("8d2fcaa0ca")
def section_10_a_map_2(draw):
    assert "distances" in draw(10).sentence


@after("2f36303829")
def section_11_the_simple_rival_counting(counted, vectors):
    assert len(counted) == len(vectors)


@after("9a2511da7d")
def section_12_searching(task):
    assert len(task.queries) == len(task.documents)


@after("1ae00fa42f")
def section_12_searching_recall(recalls):
    assert all(not found.answered or 0 <= found.value <= 1 for found in recalls.values())


@after("89f0fe5d0b")
def section_12_searching_2(library):
    assert len(library) == len(library.documents)


@after("a0b840c4cb")
def section_13_what_the_vectors_picked_up_besides(association, drawing, actions, models):
    assert all(isinstance(association(m, drawing, *actions), str) for m in models.values())


@after("823481775a")
def section_14_where_word2vec_ends(uses, word):
    assert all(word in line.lower() for line in uses)
