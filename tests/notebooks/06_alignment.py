"""What must hold behind the cells of ``06_alignment``, on any machine and corpus."""

HOLDS = {
    # 1 · The same letters, three models
    "1a7c4e90b2": lambda rows: len({row[1:] for row in rows}) == 3,
    # 2 · A base model completes
    "2429a091d2": lambda base: not base.quantized_by,
    "99cf64c24c": lambda reply: len(reply) > 0,
    "2a7c40e1b9": lambda before, ten, score_before: (
        len(before) == len(ten) > 0
        and all(type(hit) is bool for hits in score_before.values() for hit in hits)
    ),
    # 3 · Supervised fine-tuning in a minute
    "3b58f2a16c": lambda both_sides, said, total: not both_sides and 0 < said < total / 3,
    "3b7709e1d5": lambda history, steps: len(history.losses) == steps and min(history.losses) > 0,
    "3e0c94d7a2": lambda after, ten: len(after) == len(ten),
    "95a2bfc4a7": lambda share, score_before, score_after, steps: (
        share([True] * 5 + [False] * 5).startswith("5 of 10, so between 0.24")
        and (steps < 20 or sum(score_after["exact"]) > sum(score_before["exact"]))
    ),
    "3c66d1b7e8": lambda closed, ten: len(closed) == len(ten),
    "3d41e9b06f": lambda rows: len(rows) == 3,
    # 4 · Comparing
    "3d35b05165": lambda reply_pairs, asked: len(reply_pairs) == len(asked) == 20,
    "4e6d20b8a3": lambda truth: truth["Please."] == 2 and truth[""] == 0 == min(truth.values()),
    "4b83f5c610": lambda mine: mine == [],
    "4d17ac93f0": lambda both: both == [],
    "4c8e2fb719": lambda longer, left: (
        sorted(longer.values()) == list(longer.values())
        and abs(longer["bias 0.0"] - 50) < 8
        and longer["bias 1.0"] > 85
        and 0.6 < left < 0.85
    ),
    # 5 · Bradley–Terry by hand
    "4e50c7a318": lambda table: abs(table[0, 1] - 2 / 3) < 1e-9 and abs(table[0, 2] - 0.8) < 1e-9,
    "4f27ad5e84": lambda cost, r: (
        abs(float((r[0] - r[1]).sigmoid()) - 2 / 3) < 1e-6
        and abs(cost[8] - 0.6931) < 1e-3
        and cost[0] > 4 > 0.03 > cost[16]
    ),
    "4c3fb86d02": lambda losses, ten: (
        len(ten) == 10 and abs(losses["all the same"] - 0.6931) < 1e-3
    ),
    "4b95f0e3d1": lambda again: abs(again[0] - 4) < 1 and abs(again[1] - 2) < 0.4,
    # 6 · A reward model learns to choose
    "6c20b7e1d4": lambda states, known_replies, letters: (
        len(states) > 1_000 and len(known_replies) == len(letters)
    ),
    "5c6e94d0b1": lambda agreement, gap, nine: 0.86 < agreement(gap, nine) < 0.88,
    "6f4d8a02c7": lambda head, truths, states, accuracy: accuracy(head, truths, states) > 0.6,
    "6c5a13e8b0": lambda few, many: few[0] < many[0] and few[1] < many[1],
    "6e05d7c2f8": lambda scores: scores[0] > scores[1],
    # 7 · Best of eight
    "a70cb7a126": lambda ordered, pool, letter: len(ordered) == len(pool[letter]) >= 8,
    "0595c31fb9": lambda ways: (
        [n for n, _ in ways["best by reward"]] == [1, 2, 4, 8]
        and ways["any of them"][-1][1] < ways["best by reward"][-1][1]
        and ways["best by reward"][-1][1] < ways["best by truth"][-1][1]
    ),
    # 9 · One update by hand, on two actions
    "3f0a9c61d7": lambda pushes: pushes.sum(1).abs().max() < 1e-12 and pushes[0, 0] > 0,
    "8b52e7f4a0": lambda apart, listed: apart < 1e-12 and abs(listed[0] + 0.375) < 1e-12,
    "c47d10be93": lambda step, new_probs: (
        (step[1] - 1).abs() < 1e-12 and abs(new_probs[0] - 0.52) < 0.01
    ),
    "5e93d2087b": lambda loss, leaf, step: (
        loss.item() == 0 and (leaf.grad + step).abs().max() < 1e-12
    ),
    "d81f6a3c5e": lambda fair, own_too, listed: (
        (fair - listed).abs().max() < 1e-12 and (2 * own_too - listed).abs().max() < 1e-12
    ),
    # 10 · The loop on a model that speaks
    "b1d07c52ea": lambda history, log, config: (
        len(log) == config.max_steps and len(history.evaluations) >= 2
    ),
    "b3c81d05f4": lambda held: len(held) >= 1,
    # 11 · How long a leash?
    "b9c789cdab": lambda leashes: all(len(each[0]) >= 24 for each in leashes.values()),
    # 12 · The reward rises, and then?
    "c1d40b7f28": lambda free: free[-1]["reward"] > free[0]["reward"] + 1,
    "c2b7f391d0": lambda d, truth: len(d) == len(truth) > 10,
    "c3e50a82f1": lambda error: error >= 0,
    "d1f04b8c73": lambda best, free: 0 < best < len(free) - 1,
    # Going further
    "d2c96a30e5": lambda chosen_by: chosen_by(lambda rewards, texts: rewards) > 1,
    "e1b60d9a42": lambda rows: len(rows) == 4,
    "e3a90c47d1": lambda kept: (
        list(kept)[1:] == ["only alignment", "only safety", "only quality"]
        and kept["only alignment"][0]["alignment"] > kept["start"][0]["alignment"] + 0.5
    ),
    "e2f7c48b15": lambda rows: float(rows[-1][1][:4]) > float(rows[0][1]),
    "3fa8205cb1": lambda refusals, strange: len(refusals) == len(strange) > 0,
    "4d92f4e07c": lambda shares, worth: (
        worth == [3.0, 2.5, 2.0, 1.5, 1.0, 0.5]
        and abs(shares["noise 1.0"][0][1] - 0.5) < 0.15
        and shares["noise 0.2"][2][1] > shares["noise 1.0"][2][1]
        and all(points[-1][1] > points[1][1] for points in shares.values())
    ),
    "5a1f70c3e8": lambda counts, ratings: (
        counts["4"] == 1 and sum(counts.values()) == 10 and ratings.shape == (7_520, 10)
    ),
    "5b20e7f4a9": lambda curve, close: (
        0.47 < close < 0.56
        and all(points[0][1] < 60 < 90 < points[-1][1] for points in curve.values())
    ),
    "5f9a36e1d7": lambda ceilings: (
        ceilings["noise 0.2: a model's and a hand-written one"]
        > ceilings["noise 0.6: two of the model's"]
        > 50
    ),
    # Does it know how sure it is?
    "5dfdd7be32": lambda claims, points: (
        all(0.5 <= p <= 1 for rows in claims.values() for p in rows[:, 0])
        and abs(claims["new letters"].mean(0) @ [1, -1]) < 0.08
        and claims["learned from"].mean(0) @ [-1, 1] > 0.05
    ),
    "61e8bc0db2": lambda rows, by_body: (
        len(rows) == 5 and min(by_body.values()) > 0.6 and by_body["last"] > by_body["mean"]
    ),
    # A world small enough to count
    "2a7c5e90b1": lambda ref: len(ref) == 7776 and abs(float(ref.exp().sum()) - 1) < 1e-9,
    "9d4be1037f": lambda found: (
        list(found.values()) == sorted(found.values())
        and found["π*, β = 1.0"][1] > found["reference"][1] > found["π*, β = 0.3"][1]
    ),
    "61f8a2d5c9": lambda gaps: (
        abs(gaps["polite words", 1]) < 1e-9
        and gaps["what we want", 4] < 1e-3 < 0.05 < gaps["what we want", 1]
    ),
    "b3c90e6d42": lambda kls: (
        all(
            abs(bars[name][0] - bars["KL"][0]) < 1e-9
            for bars in kls.values()
            for name in ("k1", "k3")
        )
        and kls["β = 0.3"]["k2"][0] > 3 * kls["β = 0.3"]["KL"][0]
        and kls["β = 4.0"]["k3"][1] < kls["β = 4.0"]["k1"][1]
        and kls["β = 0.3"]["k3"][1] > kls["β = 0.3"]["k1"][1]
    ),
    "5b81e4a7d2": lambda shares, turned_off: (
        turned_off < 1e-9
        and shares["k2"] < 1e-9 < 0.01 < shares["k3"]
        and abs(shares["k1"] - 1) < 1e-9
    ),
    "70d5f1b8ea": lambda means, true_kl: (
        abs(means["yours"] / true_kl - 1) < 0.05 < abs(means["exp"] / true_kl - 1)
    ),
    "e2916ac7f4": lambda gradient: gradient.norm() > 0.1,
    "48c0d7e35b": lambda drawn: all(
        bars["all"][0] < bars["others"][0]
        and bars["others"][1] < bars["none"][1]
        and abs(bars["others"][0] - 1) < 6 * bars["others"][1] / 2_000**0.5
        for bars in drawn.values()
    ),
    # The family
    "f1a93c7d20": lambda rows, made: 0 < len(rows) <= len(made["runs"]),
    # Your own corpus
    "3a9e57c413": lambda own_replies, some: len(own_replies) == len(some) > 0,
    "a7e90c15d3": lambda drawn: len(drawn.texts) == 4,
}
