"""What must hold behind the cells of ``04b_from_text_to_training_data``, on any corpus."""

HOLDS = {
    # 2 · Rules, perplexity, or a small model
    "6e20570f77": lambda simulated: len(set(simulated)) == 2,
    "dec7f7e338": lambda ranking, own: (
        0 <= ranking[0][0] <= ranking[-1][0] <= 1 and len(ranking) == len(own)
    ),
    # 3 · Words of your field
    "9c45bcc028": lambda held_out, cutter, tokenizer: all(
        cutter.decode(cutter(text, add_special_tokens=False).input_ids) == text
        and len(cutter.tokenize(text)) <= len(tokenizer.tokenize(text))
        for text in held_out
    ),
    "2bd273cc51": lambda plain, longer, size: (
        plain.get_input_embeddings().weight[size:].std(0).mean()
        < longer.get_input_embeddings().weight[size:].std(0).mean()
    ),
    "6a051cef72": lambda bits: all(0 < value < 20 for pair in bits.values() for value in pair),
    # 4 · Formats
    "618e7c2f70": lambda pairs: len(pairs) > 10 and all(p.prompt.endswith("?") for p in pairs),
    # 5 · Personal data
    "4470d448aa": lambda passing, long_numbers: 24 <= passing <= len(long_numbers),
    "9359edc49e": lambda find_personal, own_corpus, mask_personal: all(
        not find_personal(mask_personal(text)[0]) for text in own_corpus[:200]
    ),
    # 6 · The data card
    "dcf3c8bd54": lambda run, course: (
        run.stages[-1].num_documents == len(run.documents) <= len(course.corpus)
    ),
    "e114844a60": lambda card, run: f"| is left | {len(run.documents):,} |" in card,
    # Your own corpus
    "ca42210452": lambda after, before: after <= before,
}
