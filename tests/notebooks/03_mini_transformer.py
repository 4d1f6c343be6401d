"""What must hold behind the cells of ``03_mini_transformer``, on any machine and corpus."""

HOLDS = {
    # 2 · Byte-pair encoding
    "c860adc24b": lambda tokenizer: 257 < len(tokenizer) <= 1_024,
    "632b3eb88c": lambda tokenizer: len(set(tokenizer.token_bytes)) == len(tokenizer),
    "eb9b27ce45": lambda tokenizer, odd, noise: (
        all(tokenizer.decode(tokenizer.encode(text)) == text for text in odd)
        and tokenizer.decode_bytes(tokenizer.encode_bytes(noise)) == noise
    ),
    "eedca4be5c": lambda counted, tokenizer: all(
        tokenizer.decode(tokenizer.encode(word)) == word for word in counted
    ),
    "89bd962b3d": lambda lengths: lengths[300] < lengths[1_024],
    # 9 · Training
    "5a2d11d846": lambda training, unseen: len(training) > 1_000 and len(unseen) > 1,
    "d816fd4515": lambda size, tokenizer, shape: size > len(tokenizer) * shape.d_model,
    "14cc8ec2e8": lambda history: history.interrupted or min(history.losses) < history.losses[0],
    "dfa5398028": lambda max_steps, history: 0 < history.steps <= max_steps,
    "1c1d7237fb": lambda ngram_bits: ngram_bits > 0,
    # 10 · Choosing the next token
    "7a86143b02": lambda bars: bars(1.0, 5, 1.0).sentence.startswith(
        "Of the 12 likeliest tokens 5 "
    ),
    # 12 · mini-falcon
    "a8793e50a3": lambda mini: mini.config.kind == "falcon",
    "52280de3a1": lambda surely_new, held_out: len(surely_new) <= len(held_out),
    "1fdd880880": lambda mini_bits: mini_bits > 0,
    # 13 · Looking inside
    "0b6f8d6a0d": lambda previous, looked: previous.max() > 1 / len(looked),
    # 15 · A model that speaks; where SmolLM2 is not there, nothing of it is
    "5b3a1f0c08": lambda smol: smol is None or smol.config.kind == "llama",
    "5b3a1f0c10": lambda smol, apart, row: smol is None or (apart < 1e-4 and row[-1] == 2),
    "5b3a1f0c12": lambda page: "**30 days**" in page,
    "5b3a1f0c14": lambda smol, repeated: (
        smol is None or repeated["greedy"] > 20 > repeated["greedy, penalty 1.1"]
    ),
    # Going further
    "23f4a63e3c": lambda losses: len(losses) == 5 and min(losses) > 0,
    "27c14826a6": lambda flops: flops == sorted(flops),
}
