"""What must hold behind the cells of ``04_data_cleaning``, on any machine and corpus."""

HOLDS = {
    # 1 · Look first
    "54f1ec9589": lambda documents: (
        documents and len({document.id for document in documents}) == len(documents)
    ),
    "de0ce0a69f": lambda documents: all(isinstance(document.text, str) for document in documents),
    "18efdf7808": lambda by_length: len(by_length[0].text) <= len(by_length[-1].text),
    "811a619c20": lambda longest_tenth, sample: 0 <= longest_tenth <= sample.sizes.sum(),
    "a3f7553820": lambda sample, leading: max(leading.values(), default=0) <= len(sample),
    # 3 · The published pipeline, as a funnel
    "8ee7dffe83": lambda documents, run: (
        run.stages[0].num_documents == len(documents)
        and len(run.documents) == run.stages[-1].num_documents
    ),
    "81779a844b": lambda gone, run: (
        gone == sum(entry.action == "dropped" for entry in run.log.entries)
    ),
    "c816e77013": lambda gone, dropped: dropped.total() == gone,
    "697b02dfcf": lambda by_id, lost: all(entry.id in by_id for entry in lost),
    "c842b5316d": lambda accused, verdicts: (
        not accused or any(not verdict.passed for verdict in verdicts)
    ),
    # 4 · The shock: it depends on what a word is
    "a843b09386": lambda shares: all(
        0 <= share <= 1 for row in shares.values() for share in row.values()
    ),
    "551b4eccd6": lambda shares, filters: set(shares) == set(filters),
    # 5 · Duplicates
    "f5363988e7": lambda once, course, log: len(once) + len(log.entries) == len(course.corpus),
    "e3ed01b1df": lambda gone, texts, clusters: gone + len(set(clusters.kept)) == len(texts),
    # the first of a cluster is the one that stays
    "80056f714e": lambda clusters, texts: (clusters.kept <= range(len(texts))).all(),
    "2e9af61419": lambda percent: all(0 <= share <= 100 for share in percent.values()),
    # 6 · Leakage
    "9f7236fcde": lambda leaks, held_rows: len(leaks) == len(held_rows),
    "cb1b347b50": lambda perplexity: all(value >= 1 for value in perplexity.values()),
    "b82f37d532": lambda NEAR, course, across: (
        # a single text is cut in two, and a note says so
        all(leak.verdict != NEAR for leak in across) or course.corpus.notes
    ),
    # 7 · Repair by repair, where the truth is known
    "0c50e2bb04": lambda scores: all(
        scores[kind].recall > 0.95 and scores[kind].precision > 0.95
        for kind in ("header", "advert", "footer", "chord line", "tag", "entity", "blanks")
    ),
    # 8 · Rules, perplexity, or a small model
    "6e20570f77": lambda simulated: len(set(simulated)) == 2,
    "dec7f7e338": lambda ranking, own: (
        0 <= ranking[0][0] <= ranking[-1][0] <= 1 and len(ranking) == len(own)
    ),
    "b5167db1a0": lambda rows: len(rows) >= 3,
    # 9 · Does it help a model?
    "960eca7ba0": lambda raw, source: raw and len(source.validation),
    "cb0a17ab61": lambda raw, versions: len(versions["raw"]) == len(raw),
    "5000975278": lambda targets: all(
        documents and num_bytes > 0 for documents, num_bytes in targets.values()
    ),
    "f74159eab1": lambda equal, left, usable, targets: (
        len(equal) == len(left) == (len(usable) - 1) * len(targets)
    ),
    "19fa5922f3": lambda sure, equal: 0 <= len(sure) <= len(equal),
    "ba8614090c": lambda learned, rest, usable: (
        len(learned) == len(rest) == 2 * (len(usable) - 1)
        and all(len(values) == 3 for values in [*learned.values(), *rest.values()])
    ),
    # 10 · Personal data
    "9359edc49e": lambda find_personal, texts, mask_personal: all(
        not find_personal(mask_personal(text)[0]) for text in texts[:200]
    ),
    # 11 · Models that learn from models
    "e00d6171ea": lambda setting, chains: all(
        len(models) == setting["num_generations"] + 1 for models in chains.values()
    ),
    "e2d47f600b": lambda chains: (
        chains["replace"][-1].num_types
        <= chains["replace"][0].num_types
        <= chains["accumulate"][-1].num_types
    ),
    "81302442eb": lambda share_left: 0 < share_left <= 1,
    # 12 · The data card
    "dcf3c8bd54": lambda run, course: (
        run.stages[-1].num_documents == len(run.documents) <= len(course.corpus)
    ),
    "bc830e4b20": lambda run: len(run.log.sample(4)) == min(4, len(run.log.entries)),
    "e114844a60": lambda card, run: f"| is left | {len(run.documents):,} |" in card,
    # Going further
    "9c45bcc028": lambda held_out, cutter, tokenizer: all(
        cutter.decode(cutter(text, add_special_tokens=False).input_ids) == text
        and len(cutter.tokenize(text)) <= len(tokenizer.tokenize(text))
        for text in held_out
    ),
    "2bd273cc51": lambda theirs, ours: theirs.std(0).mean() < ours.std(0).mean(),
    "6a051cef72": lambda rows, np: all(np.isfinite(pair).all() for pair in rows.values()),
    "ca42210452": lambda after, before: after <= before,
    "75008396ba": lambda rows, np: all(np.isfinite(pair).all() for pair in rows.values()),
    "fb0803a02b": lambda again, pairs, edited, sort_out: (
        again == pairs and [row for row, _ in sort_out(edited)[1]] == [len(pairs)]
    ),
    "56a833377e": lambda sort_out, preferences: not sort_out(preferences)[1],
    # Your own corpus
    "4904e8e341": lambda own_documents, own_run: (
        own_run.stages[0].num_documents == len(own_documents)
    ),
}
