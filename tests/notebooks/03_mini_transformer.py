"""What must hold behind the cells of ``03_mini_transformer``, on any machine and corpus.

Where SmolLM2 is not there, ``smol`` is None and nothing of it is asked.
"""

HOLDS = {
    # 1 · One token at a time
    "2edb432f30": lambda smol: smol is None or smol.config.num_hidden_layers == 30,
    "cfa667f054": lambda smol, values: smol is None or max(values, key=values.get) == "·Rome",
    "1a392fae1c": lambda smol, probs: smol is None or len(probs) == 49_152,
    # 2 · From text to tokens
    "c860adc24b": lambda tokenizer: 257 < len(set(tokenizer.token_bytes)) <= 1_024,
    "6aeb9f34b1": lambda alike, our_merges, their_merges: (
        our_merges == their_merges and all(alike.values())
    ),
    # 5 · No word sees its future
    "9813917dcc": lambda causal, scores: causal(scores).triu(1).abs().max() == 0,
    # 9 · It trains, and it writes
    "5a2d11d846": lambda training, unseen: len(training) > 1_000 and len(unseen) > 1,
    "23c6cfa22f": lambda fresh, tokenizer, math: fresh > 3 * math.log(len(tokenizer)),
    "a44997fa5e": lambda started, tokenizer, math: abs(started - math.log(len(tokenizer))) < 0.3,
    "097855a4e9": lambda write, your_scores, end: len(write(your_scores, [end], 3, 1.0)) == 4,
    "14cc8ec2e8": lambda losses, started: min(losses) < started - 0.3,
    "dfa5398028": lambda losses, max_steps: len(losses) == max_steps,
    "5e9c6e9b5a": lambda loss_of, model, twin, batch: (
        abs(loss_of(model, batch) - loss_of(twin, batch)) < 1e-3
    ),
    "c86a8f771e": lambda slow, fast: slow > 0 and fast > 0,
    # 11 · Your class answers
    "5b3a1f0c08": lambda smol, scores, read: (
        smol is None or (scores - smol(read).logits).abs().max() < 1e-3
    ),
    "5b3a1f0c10": lambda smol, answer: smol is None or "Paris" in answer,
    "5b3a1f0c12": lambda page: "**30 days**" in page,
    # Going further
    "7a86143b02": lambda controls: controls(1.0, 5, 1.0).sentence.startswith(
        "Of the 12 likeliest tokens 5 "
    ),
    "5b3a1f0c14": lambda smol, repeated: (
        smol is None or repeated["greedy"] > 20 > repeated["greedy, penalty 1.1"]
    ),
    "58f7b9e803": lambda mini: mini.config.kind == "falcon",
    "a8793e50a3": lambda new_ids: len(list(new_ids)) >= 0,
    "1c1d7237fb": lambda bits: min(bits.values()) > 0,
    "0b6f8d6a0d": lambda maps, chosen: len(chosen) == 3 and maps.max() <= 1.0001,
    "c144e5fe23": lambda costs, names: len(costs) == len(names) and min(costs) >= 0,
    "81cad78848": lambda smol, guesses: smol is None or "Paris" in guesses[-1][1],
    "23f4a63e3c": lambda losses: len(losses) == 4 and min(losses) > 0,
    "27c14826a6": lambda flops: flops == sorted(flops),
}
