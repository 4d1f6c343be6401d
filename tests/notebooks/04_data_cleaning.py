"""What must hold behind the cells of ``04_data_cleaning``, whatever the machine and the corpus."""

from invariants import after


@after("54f1ec9589")
def section_1_look_first(documents):
    assert documents and len({document.id for document in documents}) == len(documents)


@after("de0ce0a69f")
def section_1_look_first_2(documents):
    assert all(isinstance(document.text, str) for document in documents)


@after("18efdf7808")
def section_1_look_first_3(by_length):
    assert len(by_length[0].text) <= len(by_length[-1].text)


@after("811a619c20")
def section_1_look_first_4(long_and_short):
    assert long_and_short.sentence.startswith("Lengths run from")


@after("a3f7553820")
def section_1_look_first_5(sample, leading):
    assert max(leading.values(), default=0) <= len(sample)


@after("8ee7dffe83")
def section_3_the_published_pipeline_as_a_funnel(documents, run):
    assert (
        run.stages[0].num_documents == len(documents)
        and len(run.documents) == run.stages[-1].num_documents
    )


@after("81779a844b")
def section_3_the_published_pipeline_as_a_funnel_2(gone, run):
    assert gone == sum(entry.action == "dropped" for entry in run.log.entries)


@after("c816e77013")
def section_3_the_published_pipeline_as_a_funnel_3(gone, dropped):
    assert dropped.total() == gone


@after("697b02dfcf")
def section_3_the_published_pipeline_as_a_funnel_4(by_id, lost):
    assert all(entry.id in by_id for entry in lost)


@after("c842b5316d")
def section_3_the_published_pipeline_as_a_funnel_5(accused, verdicts):
    assert not accused or any(not verdict.passed for verdict in verdicts)


@after("a843b09386")
def section_4_the_shock_it_depends_on_what_a_word_is(shares):
    assert all(0 <= share <= 1 for row in shares.values() for share in row.values())


@after("551b4eccd6")
def section_4_the_shock_it_depends_on_what_a_word_is_2(shares, filters):
    assert set(shares) == set(filters)


@after("f5363988e7")
def section_5_duplicates(once, course, log):
    assert len(once) + len(log.entries) == len(course.corpus)


@after("e3ed01b1df")
def minhash_by_hand(gone, texts, clusters):
    assert gone + len(set(clusters.kept)) == len(texts)


@after("80056f714e")
def minhash_by_hand_2(clusters, texts):
    assert (
        clusters.kept <= range(len(texts))
    ).all()  # the first of a cluster is the one that stays


@after("05d0e80459")
def minhash_by_hand_4(together, pairs, removed):
    assert (removed >= 0.8).all() and together <= len(pairs)


@after("2e9af61419")
def a_page_inside_a_page(shares):
    assert all(0 <= share <= 1 for share in shares.values())


@after("9f7236fcde")
def section_6_leakage(leaks, held_rows):
    assert len(leaks) == len(held_rows)


@after("cb1b347b50")
def section_6_leakage_2(perplexity):
    assert all(value >= 1 for value in perplexity.values())


@after("b82f37d532")
def section_6_leakage_3(NEAR, course, across):
    assert (
        all(leak.verdict != NEAR for leak in across) or course.corpus.notes
    )  # a single text is cut in two, and a note says so


@after("7ab847b4a0")
def exercise_4_4_where_to_ask_6_minutes(np, curves):
    assert np.mean(curves["asked where unsure"]) > np.mean(curves["whatever comes"]) - 0.05


@after("6e20570f77")
def exercise_4_4_where_to_ask_6_minutes_2(simulated):
    assert len(set(simulated)) == 2


@after("dec7f7e338")
def exercise_4_4_where_to_ask_6_minutes_3(ranking, own):
    assert 0 <= ranking[0][0] <= ranking[-1][0] <= 1 and len(ranking) == len(own)


@after("b5167db1a0")
def exercise_4_4_where_to_ask_6_minutes_4(rows):
    assert len(rows) >= 3


@after("960eca7ba0")
def section_9_does_it_help_a_model(raw, source):
    assert raw and len(source.validation)


@after("cb0a17ab61")
def section_9_does_it_help_a_model_2(raw, versions):
    assert len(versions["raw"]) == len(raw)


@after("5000975278")
def exercise_4_5_an_equal_budget_10_minutes(targets):
    assert all(documents and num_bytes > 0 for documents, num_bytes in targets.values())


@after("f74159eab1")
def exercise_4_5_an_equal_budget_10_minutes_2(equal, left, usable, targets):
    assert len(equal) == len(left) == (len(usable) - 1) * len(targets)


@after("19fa5922f3")
def exercise_4_5_an_equal_budget_10_minutes_3(sure, equal):
    assert 0 <= len(sure) <= len(equal)


@after("ba8614090c")
def exercise_4_5_an_equal_budget_10_minutes_4(learned, rest, usable):
    assert len(learned) == len(rest) == 2 * (len(usable) - 1)
    assert all(len(values) == 3 for values in [*learned.values(), *rest.values()])


@after("9359edc49e")
def section_10_personal_data(find_personal, texts, mask_personal):
    assert all(not find_personal(mask_personal(text)[0]) for text in texts[:200])


@after("e00d6171ea")
def section_11_models_that_learn_from_models(setting, chains):
    assert all(len(models) == setting["num_generations"] + 1 for models in chains.values())


@after("e2d47f600b")
def section_11_models_that_learn_from_models_2(chains):
    first, last = chains["replace"][0].num_types, chains["replace"][-1].num_types
    assert last < first <= chains["accumulate"][-1].num_types


@after("81302442eb")
def section_11_models_that_learn_from_models_3(share_left):
    assert 0 < share_left < 1


@after("dcf3c8bd54")
def section_12_the_data_card(run, course):
    assert run.stages[-1].num_documents == len(run.documents) <= len(course.corpus)


@after("bc830e4b20")
def section_12_the_data_card_2(run):
    assert len(run.log.sample(4)) == min(4, len(run.log.entries))


@after("e114844a60")
def section_12_the_data_card_3(card, run):
    assert f"| is left | {len(run.documents):,} |" in card


@after("9c45bcc028")
def words_of_your_field(held_out, cutter, tokenizer):
    for text in held_out:
        ids = cutter(text, add_special_tokens=False).input_ids
        assert cutter.decode(ids) == text
        assert len(ids) <= len(tokenizer(text, add_special_tokens=False).input_ids)


@after("2bd273cc51")
def words_of_your_field_2(theirs, ours):
    assert theirs.std(0).mean() < ours.std(0).mean()


@after("6a051cef72")
def words_of_your_field_3(rows, np):
    assert all(np.isfinite(pair).all() for pair in rows.values())


@after("ca42210452")
def words_of_your_field_4(after, before):
    assert after <= before


@after("75008396ba")
def words_of_your_field_5(rows, np):
    assert all(np.isfinite(pair).all() for pair in rows.values())


@after("07d1a60e2c")
def words_of_your_field_6(seen):
    assert list(seen.values()) == sorted(seen.values())


@after("0c50e2bb04")
def the_cleaner_against_the_truth(scores):
    sure = ("header", "advert", "footer", "chord line", "tag", "entity", "blanks")
    assert all(scores[kind].recall > 0.95 and scores[kind].precision > 0.95 for kind in sure)


@after("fb0803a02b")
def a_file_that_was_edited(again, pairs, edited, sort_out):
    assert again == pairs and [row for row, _ in sort_out(edited)[1]] == [len(pairs)]


@after("56a833377e")
def formats_2(sort_out, preferences):
    assert not sort_out(preferences)[1]


@after("4904e8e341")
def your_own_corpus(own_documents, own_run):
    assert own_run.stages[0].num_documents == len(own_documents)
