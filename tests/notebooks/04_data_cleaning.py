"""What must hold behind the cells of ``04_data_cleaning``, on any machine and corpus."""

HOLDS = {
    # 1 · Dirt in, dirt out
    "6c1c819bab": lambda percent: (
        percent["scraped"] > 30 > 5 > percent["cleaned"] >= percent["true"] == 0
    ),
    # 2 · Look first
    "54f1ec9589": lambda sample_documents: (
        sample_documents and len({d.id for d in sample_documents}) == len(sample_documents)
    ),
    "de0ce0a69f": lambda sample_documents: all(isinstance(d.text, str) for d in sample_documents),
    "a3f7553820": lambda sample, leading: max(leading.values(), default=0) <= len(sample),
    # 3 · A published filter meets your text
    "8ee7dffe83": lambda gone, sample_documents, run: (
        run.stages[0].num_documents == len(sample_documents)
        and len(run.documents) == run.stages[-1].num_documents
        and gone == sum(entry.action == "dropped" for entry in run.log.entries)
    ),
    "c816e77013": lambda gone, dropped: dropped.total() == gone,
    "697b02dfcf": lambda by_id, lost: all(entry.id in by_id for entry in lost),
    # 4 · Duplicates
    "e3ed01b1df": lambda copies, texts, clusters: (
        len(copies) + len(set(clusters.kept)) == len(texts)
    ),
    # the first of a cluster is the one that stays
    "80056f714e": lambda clusters, texts: (clusters.kept <= range(len(texts))).all(),
    "ca381db9f2": lambda alike, copies: (
        len(alike) == len(copies) and all(0 <= value <= 1 for value, _ in alike)
    ),
    # 5 · Leakage
    "9f7236fcde": lambda leaks, held_rows: len(leaks) == len(held_rows),
    "cb1b347b50": lambda perplexity: all(value >= 1 for value in perplexity.values()),
    # 6 · Repair, where the truth is known
    "0c50e2bb04": lambda scores: all(
        scores[kind].recall > 0.95 and scores[kind].precision > 0.95
        for kind in ("header", "advert", "footer", "chord line", "tag", "entity", "blanks")
    ),
    # 7 · Does it help a model?
    "960eca7ba0": lambda raw, source: raw and len(source.validation),
    "cb0a17ab61": lambda raw, versions: len(versions["raw"]) == len(raw),
    "5000975278": lambda targets: all(
        documents and num_bytes > 0 for documents, num_bytes in targets.values()
    ),
    "03e80cfd65": lambda take, usable, budget, bits: (
        bits > 0 and sum(map(len, take(usable["raw"], budget, 0))) == budget
    ),
    "f74159eab1": lambda equal, left, usable, targets: (
        len(equal) == len(left) == (len(usable) - 1) * len(targets)
    ),
    # 8 · Models that learn from models
    "e00d6171ea": lambda setting, chains: (
        all(len(models) == setting["num_generations"] + 1 for models in chains.values())
        and chains["replace"][-1].num_types
        <= chains["replace"][0].num_types
        <= chains["accumulate"][-1].num_types
    ),
    "81302442eb": lambda share_left: 0 < share_left <= 1,
    # Going further
    "a843b09386": lambda rows, filters: len(rows) == len(filters),
    "2e9af61419": lambda percent: all(0 <= share <= 100 for share in percent.values()),
    "b82f37d532": lambda NEAR, course, across: (
        # a single text is cut in two, and a note says so
        all(leak.verdict != NEAR for leak in across) or course.corpus.notes
    ),
    "ba8614090c": lambda learned, rest, four: (
        len(learned) == len(rest) == 2 * (len(four) - 1)
        and all(len(values) == 3 for values in [*learned.values(), *rest.values()])
    ),
    # Your own corpus
    "4904e8e341": lambda mine, own_documents: len(mine) <= len(own_documents),
}
