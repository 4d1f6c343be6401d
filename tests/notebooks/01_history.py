"""What must hold behind the cells of ``01_history``, whatever the machine and the corpus."""

from invariants import after


@after("d8255ff66d")
def section_2_shannon_s_game(sentence):
    assert sentence == sentence.strip() and len(sentence) <= 60


@after("81a3bfde12")
def exercise_1_1_bits_5_minutes(ranks, sentence):
    assert len(ranks) == len(sentence) and min(ranks) >= 1


@after("38ab1c15b0")
def exercise_1_1_bits_5_minutes_2(low, high):
    assert 0 <= low <= high


@after("d83a471ea7")
def exercise_1_3_p_second_first_10_minutes(seen):
    assert seen == sorted(seen, reverse=True)


@after("ba74ed21b0")
def exercise_1_3_p_second_first_10_minutes_2(perplexities):
    assert perplexities[2] < perplexities[1]


@after("5b86d888c6")
def exercise_1_3_p_second_first_10_minutes_3(written):
    assert len(written) <= 60


@after("8f93995872")
def section_5_every_network_learns(curves):
    assert all(curve[-1][1] < curve[0][1] for kind in curves for curve in curves[kind])


@after("b15b16cb44")
def section_5_networks_that_read(effects):
    assert all(0 <= effect <= 1 for points in effects.values() for _, effect in points)


@after("01b7ce8f92")
def section_5_networks_that_read_2(sample):
    assert len(sample) > 4


@after("c176c0ce6c")
def section_6_one_text_seventy_years(scores):
    assert scores["Kneser–Ney, 6"][1][0] < scores["single letters"][1][0]


@after("552bdd83ac")
def section_6_one_text_seventy_years_2(read):
    assert all(bits > 0 for points in read.values() for _, bits in points)


@after("74f9d61b9d")
def exercise_1_4_one_mask(same):
    assert same


@after("910705701d")
def exercise_1_4_the_mask_5_minutes(right):
    assert all(0 <= accuracy <= 1 for accuracy in right.values())


@after("cca3f822c2")
def exercise_1_4_the_mask_5_minutes_2(answers):
    assert all(len(answer) == 5 for answer in answers.values())
