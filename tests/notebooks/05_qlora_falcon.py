"""What must hold behind the cells of ``05_qlora_falcon``, whatever the machine and the corpus."""

from invariants import after


@after("95da9a10fa")
def exercise_5_3_to_the_nearest_level_10_minutes(differing, apart):
    assert differing == 0 and apart < 1e-3


@after("5d0e61a9f2")
def section_4_a_change_is_simpler_than_a_weight(delta, matrix):
    assert 0 < delta.norm() < matrix.norm()


@after("5e7272e82f")
def section_4_a_change_is_simpler_than_a_weight_2(counts):
    assert counts["change"] < counts["noise"]


@after("c6b483cc5a")
def section_5_load_the_base_and_do_not_believe_it(found):
    assert 0 <= found <= 32


@after("b2da3c4072")
def section_5_load_the_base_and_do_not_believe_it_2(four, base):
    assert four == len(base.layers)


@after("84e3b8f4d7")
def section_5_load_the_base_and_do_not_believe_it_3(held, predicted):
    assert abs(held.model / predicted.model - 1) < 0.02


@after("6eaf2c66ca")
def section_6_the_right_tokenizer(perplexity):
    assert perplexity > 50


@after("5a0718593d")
def section_7_songs_that_stay_songs(training, held_out):
    assert training and held_out and not set(training) & set(held_out)


@after("5fff00e30d")
def section_7_songs_that_stay_songs_2(length, learned):
    assert max(len(row["input_ids"]) for row in learned) <= length


@after("c6b0e8153f")
def section_8_before(before):
    assert all(isinstance(text, str) for text in before.values())


@after("cdb353e3d5")
def section_8_before_2(plain_bits, prompt_bits):
    assert plain_bits > 0 and prompt_bits > 0


@after("524060361a")
def exercise_5_6_enough_10_minutes(config, result):
    assert (
        len(result.history.evaluations) >= 1
        and result.history.evaluations[-1][0] <= config.max_steps
    )


@after("d0bd0c6741")
def exercise_5_6_enough_10_minutes_2(result):
    assert (
        min(loss for _, loss in result.history.evaluations)
        == dict(result.history.evaluations)[result.best_step]
    )


@after("058044b632")
def exercise_5_6_enough_10_minutes_3(result):
    assert len(result.samples) == len(result.history.evaluations)


@after("7412e82349")
def section_10_after(after, before):
    assert after.keys() == before.keys()


@after("7fa11efff2")
def section_10_after_2(new_after, plain_bits):
    assert new_after < plain_bits


@after("3a1557d18b")
def section_10_after_3(without, old_before):
    assert abs(without - old_before) < 1e-3


@after("04aee38fd5")
def section_11_what_did_four_bits_cost(bits):
    assert abs(bits["QLoRA, 4 bits"] / bits["LoRA, full precision"] - 1) < 0.2


@after("99e93ec7a1")
def section_11_what_did_four_bits_cost_2(memory):
    assert memory["QLoRA, 4 bits"].model < memory["LoRA, full precision"].model


@after("f10b011133")
def section_12_massive_data_and_yours(curves):
    assert all(len(points) == 3 for points in curves.values())


@after("4c960c2bc7")
def section_12_massive_data_and_yours_2(alone):
    assert alone > 0


@after("c9142a9c03")
def section_13_what_it_knows_by_heart(out):
    assert 0 <= out.num_exact <= out.num_texts


@after("23ed1072df")
def section_13_what_it_knows_by_heart_2(copied, written):
    assert len(copied) <= len(written)


@after("f5416fc785")
def section_14_pack_it_fetch_it_back_merge_it(names):
    assert {"adapter_model.safetensors", "base.json", "README.md"} <= set(names)


@after("acde5ee02d")
def section_14_pack_it_fetch_it_back_merge_it_2(again, expected, torch):
    assert torch.allclose(again, expected, atol=1e-3)


@after("4fa8e1d06b")
def section_14_pack_it_fetch_it_back_merge_it_3(off, device):
    assert off["dequantise, then add"] < 0.01 * min(list(off.values())[1:]) or device.type == "cuda"


@after("ca0fce1aaf")
def going_further(losses):
    assert len(losses) == 5


@after("49fa63c05b")
def going_further_2(base, SMALL, falcon):
    assert base.name in (SMALL, falcon.LARGE)


@after("9e2d5470bc")
def section_4_a_change_is_simpler_than_a_weight_3(before, apart):
    assert before and apart < 1e-5


@after("a47f93d1e0")
def section_5_load_the_base_and_do_not_believe_it_4(one_in):
    assert one_in > 1
