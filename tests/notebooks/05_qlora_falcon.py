"""What must hold behind the cells of ``05_qlora_falcon``, on any machine and corpus."""

HOLDS = {
    # 3 · Levels where the weights are
    "95da9a10fa": lambda differing, apart: differing == 0 and apart < 1e-3,
    # 4 · A change is simpler than a weight
    "5d0e61a9f2": lambda delta, matrix: 0 < delta.norm() < matrix.norm(),
    "5e7272e82f": lambda counts: counts["change"] < counts["noise"],
    "9e2d5470bc": lambda before, apart: before and apart < 1e-5,
    # 5 · Load the base, and do not believe it
    "c6b483cc5a": lambda found: 0 <= found <= 32,
    "b2da3c4072": lambda four, mini: four == len(mini.layers),
    "84e3b8f4d7": lambda held, predicted: abs(held.model / predicted.model - 1) < 0.02,
    "a47f93d1e0": lambda one_in: one_in > 1,
    "a93d52f0e8": lambda four, base: four == len(base.layers) > 0,
    # 6 · The right tokenizer
    "6eaf2c66ca": lambda perplexity: perplexity > 50,
    # 7 · Songs that stay songs
    "5a0718593d": lambda training, held_out: (
        training and held_out and not set(training) & set(held_out)
    ),
    "5fff00e30d": lambda length, learned: max(len(row["input_ids"]) for row in learned) <= length,
    # 8 · Before
    "c6b0e8153f": lambda before: all(isinstance(text, str) for text in before.values()),
    "cdb353e3d5": lambda plain_bits, prompt_bits: plain_bits > 0 and prompt_bits > 0,
    "7e40c9b2d6": lambda unread: len(unread) > 1 and min(unread) > 0,
    "1c6f8e2b97": lambda rows, found: len(rows) == len(found) == 3,
    # 9 · Train the detour
    "524060361a": lambda config, result: (
        len(result.history.evaluations) >= 1
        and result.history.evaluations[-1][0] <= config.max_steps
    ),
    "d0bd0c6741": lambda result: (
        min(loss for _, loss in result.history.evaluations)
        == dict(result.history.evaluations)[result.best_step]
    ),
    "058044b632": lambda result: len(result.samples) == len(result.history.evaluations),
    # 10 · After
    "7412e82349": lambda after, before: after.keys() == before.keys(),
    "7fa11efff2": lambda new_after, plain_bits: new_after < plain_bits,
    "3a1557d18b": lambda without, old_before: abs(without - old_before) < 1e-3,
    "f26a1b8d74": lambda dial: not dial or dial[1.0] < dial[0.0],
    "93ce05a7f2": lambda dial, speaks: speaks == bool(dial),
    # 11 · What did four bits cost?
    "04aee38fd5": lambda bits: abs(bits["QLoRA, 4 bits"] / bits["LoRA, full precision"] - 1) < 0.2,
    "99e93ec7a1": lambda memory: (
        memory["QLoRA, 4 bits"].model < memory["LoRA, full precision"].model
    ),
    # 12 · Massive data, and yours
    "f10b011133": lambda three: len(three) == 3 and min(three.values()) > 0,
    # 13 · What it knows by heart
    "c9142a9c03": lambda count, exact: 0 <= exact <= count,
    "23ed1072df": lambda copied, written: len(copied) <= len(written),
    # 14 · Pack it, fetch it back, merge it
    "f5416fc785": lambda names: (
        {"adapter_model.safetensors", "base.json", "README.md"} <= set(names)
    ),
    "acde5ee02d": lambda again, expected, torch: torch.allclose(again, expected, atol=1e-3),
    "4fa8e1d06b": lambda off, device: (
        off["dequantise, then add"] < 0.01 * min(list(off.values())[1:]) or device.type == "cuda"
    ),
    # Going further
    "ca0fce1aaf": lambda losses: len(losses) == 5,
    "49fa63c05b": lambda base, falcon: base.name in (falcon.SMALL, falcon.SPEAKING, falcon.LARGE),
}
