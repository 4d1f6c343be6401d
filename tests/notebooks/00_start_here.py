"""What must hold behind the cells of ``00_start_here``, whatever the machine and the corpus."""

from invariants import after


@after("6b500d9d71")
def section_1_the_road_and_your_machine(course):
    assert "00" in course.notebooks()


@after("11375fd3bd")
def section_1_the_road_and_your_machine_2(machine):
    assert machine.cores >= 1


@after("ff6fe1edd3")
def section_2_your_corpus(course):
    assert len(course.corpus) > 0


@after("8557fedee5")
def section_2_your_corpus_2(course):
    assert course.corpus.sizes.min() >= 0


@after("cda6a91574")
def section_2_your_corpus_3(shared, course):
    assert not shared or any("repeats the training" in note for note in course.corpus.notes)


@after("8cdab1df53")
def section_3_how_a_notebook_works(counted):
    assert counted > 0


@after("e12eb32f09")
def section_4_a_language_model_in_ten_lines(learned, triples, model):
    assert sum(seen.total() for seen in model.values()) == sum(len(triples(w)) for w in learned)


@after("b873f8578b")
def section_4_a_language_model_in_ten_lines_2(model, varied):
    assert model[varied].total() >= len(model[varied])


@after("46b19b6b48")
def exercise_0_2_draw_the_next_word_10_minutes(made):
    assert len(made) >= 3


@after("68eb703db5")
def section_5_which_one_is_real(guess):
    assert guess.real in "AB" and guess.a and guess.b


@after("34f8bccd06")
def section_5_which_one_is_real_2(baseline, hits, held_out):
    assert 0 <= baseline <= len(held_out) and 0 <= hits <= len(held_out)


@after("53ae6bed04")
def section_5_which_one_is_real_3(seen):
    assert seen == sorted(seen)


@after("7dc2e6903d")
def your_progress(progress_so_far):
    assert all(done <= total for _, done, total in progress_so_far.counts)
