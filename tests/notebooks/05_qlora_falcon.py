"""What must hold behind the cells of ``05_qlora_falcon``, on any machine and corpus."""

HOLDS = {
    # Set-up
    "5e2002a05e": lambda base_name, why_not, falcon: (base_name == falcon.LARGE) == (not why_not),
    # 1 · Turn the dial
    "f26a1b8d74": lambda sung: len(sung) == 4 and sung[0.0] != sung[1.0] and all(sung.values()),
    "93ce05a7f2": lambda sing, knob, words: sing(knob.value, words.value),
    # 4 · Levels where the weights are
    "95da9a10fa": lambda differing, apart: differing == 0 and apart < 1e-3,
    # 5 · A narrow detour
    "5e7272e82f": lambda apart, losses, course: (
        apart < 1e-3 * max(losses["peft"]) or course.profile == "gpu"
    ),
    # 6 · Load the base, and do not believe it
    "c6b483cc5a": lambda found: 0 <= found <= 32,
    "b2da3c4072": lambda four, mini: four == len(mini.layers),
    "84e3b8f4d7": lambda held, predicted: abs(held.model / predicted.model - 1) < 0.02,
    "a93d52f0e8": lambda four, base: four == len(base.layers) > 0,
    # 7 · The right tokenizer
    "6eaf2c66ca": lambda perplexity: perplexity > 50,
    # 8 · What it will learn
    "5a0718593d": lambda training, held_out: (
        training and held_out and not set(training) & set(held_out)
    ),
    "5fff00e30d": lambda length, learned: max(len(row["input_ids"]) for row in learned) <= length,
    # 9 · Before
    "c6b0e8153f": lambda before: isinstance(before, str),
    "cdb353e3d5": lambda bits, old_before: min(bits["as it is"], old_before) > 0,
    "5e2014a05e": lambda bits: len(bits) == 2 and min(bits.values()) > 0,
    "5e2020d05e": lambda found, unread: len(found) == 3 and min(found.values()) > 0 < min(unread),
    # 10 · Train the detour
    "524060361a": lambda config, result: (
        len(result.history.evaluations) >= 1
        and result.history.evaluations[-1][0] <= config.max_steps
    ),
    "d0bd0c6741": lambda result: (
        min(loss for _, loss in result.history.evaluations)
        == dict(result.history.evaluations)[result.best_step]
    ),
    "058044b632": lambda result: len(result.samples) == len(result.history.evaluations),
    # 11 · After
    "7412e82349": lambda after: isinstance(after, str),
    "7fa11efff2": lambda bits: bits["after training"] < bits["as it is"],
    "3a1557d18b": lambda without, old_before: abs(without - old_before) < 1e-3,
    "5e201aa05e": lambda dial: dial["1"] < dial["0"] and len(dial) == 4 and min(dial.values()) > 0,
    # 12 · What did four bits cost?
    "99e93ec7a1": lambda rows: (
        float(rows[1][1].split()[0]) < float(rows[0][1].split()[0])
        and abs(float(rows[1][3]) / float(rows[0][3]) - 1) < 0.2
    ),
    # 13 · Massive data, and yours
    "f10b011133": lambda three: len(three) == 3 and min(three.values()) > 0,
    # 14 · Pack it, and use it tomorrow
    "f5416fc785": lambda names: (
        {"adapter_model.safetensors", "base.json", "README.md"} <= set(names)
    ),
    "acde5ee02d": lambda tomorrow, result, new, bits_per_byte: (
        abs(bits_per_byte(tomorrow, new[:2]) - bits_per_byte(result.model, new[:2])) < 1e-3
    ),
    # Going further
    "5e2020a05e": lambda ends: len(ends) == 3,
    "4fa8e1d06b": lambda off, device: (
        off["dequantise, then add"] < 0.01 * min(list(off.values())[1:]) or device.type == "cuda"
    ),
    "ca0fce1aaf": lambda losses: len(losses) == 3,
}
