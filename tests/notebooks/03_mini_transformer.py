"""What must hold behind the cells of ``03_mini_transformer``, whatever the machine and the corpus."""

from invariants import after


@after("c860adc24b")
def exercise_3_1_one_merge_10_minutes(tokenizer):
    assert 257 < len(tokenizer) <= 1_024


@after("eb9b27ce45")
def nothing_is_lost(tokenizer, odd, noise):
    assert all(tokenizer.decode(tokenizer.encode(text)) == text for text in odd)
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(noise)) == noise


@after("632b3eb88c")
def exercise_3_1_one_merge_10_minutes_2(tokenizer):
    assert len(set(tokenizer.token_bytes)) == len(tokenizer)


@after("eedca4be5c")
def exercise_3_1_one_merge_10_minutes_3(counted, tokenizer):
    assert all(tokenizer.decode(tokenizer.encode(word)) == word for word in counted)


@after("89bd962b3d")
def exercise_3_1_one_merge_10_minutes_4(lengths):
    assert lengths[300] < lengths[1_024]


@after("5a2d11d846")
def section_9_training(training, unseen):
    assert len(training) > 1_000 and len(unseen) > 1


@after("d816fd4515")
def section_9_training_2(size, tokenizer, shape):
    assert size > len(tokenizer) * shape.d_model


@after("14cc8ec2e8")
def section_9_training_3(history):
    assert history.interrupted or min(history.losses) < history.losses[0]


@after("dfa5398028")
def section_9_training_4(max_steps, history):
    assert 0 < history.steps <= max_steps


@after("1c1d7237fb")
def section_9_training_5(ngram_bits):
    assert ngram_bits > 0


@after("7a86143b02")
def exercise_3_5_top_p_15_minutes(bars):
    assert bars(1.0, 5, 1.0).sentence.startswith("Of the 12 likeliest tokens 5 ")


@after("a8793e50a3")
def section_12_mini_falcon(mini):
    assert mini.config.kind == "falcon"


@after("52280de3a1")
def what_is_surely_new_is_held_out(surely_new, held_out):
    assert len(surely_new) <= len(held_out)


@after("1fdd880880")
def section_12_mini_falcon_2(mini_bits):
    assert mini_bits > 0


@after("0b6f8d6a0d")
def section_13_looking_inside(previous, looked):
    assert previous.max() > 1 / len(looked)


@after("23f4a63e3c")
def going_further(runs):
    assert len(runs) == 5 and all(run.loss > 0 for run in runs)


@after("27c14826a6")
def going_further_2(flops):
    assert flops == sorted(flops)
