"""What must hold behind the cells of ``07_prompts_as_programs``, on any machine and corpus."""

HOLDS = {
    # 1 · An application without code
    "70c1a5e3d2": lambda rows: len(rows) == 3 and all(row[1] for row in rows),
    "70d94b2f81": lambda strange, worker: len(worker.log) >= len(strange),
    # 2 · What the model really reads
    "b2019c3f4a": lambda ours, theirs: ours == theirs,
    "b22d70e815": lambda SMOLLM2, tokenizer: (
        SMOLLM2.render([{"role": "user", "content": "Hello"}])
        == tokenizer.apply_chat_template(
            [{"role": "user", "content": "Hello"}], tokenize=False, add_generation_prompt=True
        )
    ),
    "b2a6f1c930": lambda naive, careful, mark: (naive.count(mark), careful.count(mark)) == (4, 3),
    # 3 · Instructions and examples
    "b31c5e7a02": lambda plain_right, right, letters: (
        len(letters) < 12 or sum(plain_right) <= 1 < sum(right) - 3
    ),
    "b3d9048c6f": lambda rows, letters: len(rows) == len(letters),
    "b3f27a91de": lambda panels: (
        panels["facts"]["8"][0] > 0.6
        and panels["department"]["8"][0] < 0.45
        and all(task["0"][0] < 0.2 for task in panels.values())
    ),
    "b3086b4ce1": lambda guesses, found: len(guesses) < 12 or sum(found) <= 7,
    "b37e5d20b9": lambda interval: interval(5, 10).startswith("5 of 10, so between 0.24"),
    # 4 · The same question in other words
    "b41f6ce0a8": lambda rows, wordings: (
        len(rows) == 6 and not any(a for a, _ in wordings.values())
    ),
    "b4c3920d7e": lambda best, worst, draws: max(draws) - min(draws) > best - worst,
    "b48e05fb13": lambda said: len(said) == 1,
    "b4a7d8e526": lambda lines: lines["top-p 1"][0][1] > lines["top-p 1"][-1][1],
    # 5 · A reply that cannot be wrong in form
    "7a05c1e2d4": lambda states: states("abbc") == [2, 2, 2, 3] and states("acb") == [2, 3, 0],
    "7a05c1e2d5": lambda allowed: (
        {"b", "c"} <= set(allowed) and all(set(token) <= {"b", "c"} for token in allowed)
    ),
    "7a05c1e2d6": lambda out, answers: answers.advance(answers.start(), int(out.argmax())) > 0,
    "7a05c1e2d7": lambda sensor: 100 < len(sensor.grammar.whole) < 2_000,
    "7a05c1e2d8": lambda json, text, kinds: (
        json.loads(text)["kind"] in kinds and 0 <= json.loads(text)["battery"] <= 100
    ),
    "7a05c1e2d9": lambda json, written, calls, length, fields: (
        calls < length / 2 and list(json.loads(written)) == list(fields)
    ),
    # 6 · Describe, constrain, or both
    "7a06b3d8e1": lambda cells: all(
        valid for (_, mode), flags in cells.items() if mode == "masked" for valid, _ in flags
    ),
    "7a06b3d8e2": lambda cells: (
        sum(right for _, right in cells["plain", "masked"])
        >= sum(right for _, right in cells["plain", "free"])
    ),
    # 7 · A prompt as a function
    "77a1b3c5d7": lambda runtime: runtime.log[-1]["completion_tokens"] > 0,
    "77c3d0f1b9": lambda found, Order: all(
        isinstance(order, Order) and order.item in ("Leaf", "Leaf Pro", "Canopy")
        for own in found.values()
        for order in own
    ),
    "77f5b60d3a": lambda rows: [row[1] for row in rows] == [4, 4, 4],
    "77a92e6b54": lambda same, letters: same == len(letters),
    # 8 · A backend whose only code is a prompt
    "8c1f0a93d5": lambda backend, said, state: bool(
        backend.carry_out("whole", said["constrained"], state)
    ),
    "8c27d4e1b0": lambda backend, reply, state: bool(backend.carry_out("operation", reply, state)),
    "8c30b6f2a4": lambda shared, learned, held_out: not shared and len(learned) > len(held_out) > 0,
    "8c4a09d7e3": lambda before, after, steps: steps < 20 or sum(after) >= sum(before),
    "8c6d2f84a1": lambda count: count("valid", way="tuned + constrained", part="held out")[0] > 0,
    "8c5e71b0f9": lambda measured: (
        measured["tuned + constrained"]["operation"][0] > measured["free"]["operation"][0]
    ),
    "8c81d6a7f2": lambda by_kind: len(by_kind) == 6,
    "8c92f5c0b8": lambda rows: len(rows) == 7,
    "8ca3b8e4d1": lambda own: len(own.tasks) >= 1,
    # 9 · Where it breaks
    "9b1c7d04e2": lambda both: [n for own in both.values() for _, n in own.values()] == [4] * 6,
    "9b3e9f26a4": lambda rows: len(rows) == 4,
    # 10 · Answers from your pages
    "ba1c07d3f5": lambda pages, handbook: len(pages) > len(handbook) == 66,
    "ba52e9c640": lambda scores: scores[2] > scores[1] > scores[0] > 0,
    "bad418f2e7": lambda places, pages: places.shape == (len(pages), 384),
    "ba3f8e4a60": lambda recall: (
        recall["BM25"][1] >= 34
        and recall["MiniLM"][3] >= recall["BM25"][3] + 5
        and recall["MiniLM"][3] > recall["notebook 02's vectors"][3] + 5
    ),
    "ba6d2b97c8": lambda kept, refused: kept > 15 and refused >= 5,
    "bae05a3d94": lambda rows: rows[3][1] == "not found" and all(rows[0]),
    "ba7b41f60d": lambda rows: len(rows) == 10,
    "bac8f913e2": lambda reading: (
        reading["direct, nothing"]["right"] == 0
        and reading["direct, the best 3"]["right"] <= reading["direct, the best 1"]["right"]
        and reading["direct, the right one"]["right"] in range(18, 26)
        and reading["paraphrased, the right one"]["right"] < 4
    ),
    # 11 · Letting a program choose the prompt
    "bb0d4e7a19": lambda rows, prompts: len(rows) == len(prompts),
    "bbf351c08d": lambda promised, development: promised == development.sum(1).max(),
    "bb6a90e2f4": lambda gaps: abs(gaps[1].mean()) < 0.03 < gaps[24].mean() + 0.02,
    "bbd7c42b85": lambda low, high, gaps: low <= gaps[24].mean() <= high,
    # 12 · Prompt, constrain, retrieve or train?
    "12c0f4a9b1": lambda rows: len(rows) == 8,
    # Exercise 7.1 · One step of a mask  (★★☆, 10 minutes)
    "7a13e6f0b1": lambda mine, theirs, own: len(mine) > 1 and mine == theirs - {own.end},
    "7a13e6f0b2": lambda days, high: 0 <= int(days) <= high,
    # Exercise 7.3 · How much a word says  (★☆☆, 8 minutes)
    "bd31f06ac9": lambda weights: weights["manager"] > weights["name"] > weights["the"] > 0,
    "bd8c27e4b0": lambda luck: luck > 0.1,
    # Exercise 7.5 · A check that a type cannot make  (★★☆, 10 minutes)
    "c5a1d07e93": lambda outcome: all(
        town == "refused" or town in letter for letter, town in outcome.items()
    ),
    # Going further
    "7a16c2b4f1": lambda every: len(every) == len(set(every)) == 29 and "1000" in every,
    "7a16c2b4f2": lambda first: set(first) == set("123456789"),
    "7a16c2b4f3": lambda believed, masked: (
        abs(sum(believed.values()) - 1) < 1e-6 and abs(sum(masked.values()) - 1) < 1e-6
    ),
    "7a16c2b4f8": lambda apart: 0.3 < apart <= 1,
    "7a16c2b4f4": lambda drawn, number, masked, every: (
        sum(drawn.values()) == number
        and sum(abs(drawn[t] / number - masked[t]) for t in every) / 2 < 3 / number**0.5
    ),
    "7a16c2b4f5": lambda gaps, apart: gaps["ASAp"][-1][1] < apart / 4,
    "7a16c2b4f7": lambda free, first: 0 < float(free[first].sum()) < 1,
    "7a16c2b4f9": lambda fresh: fresh.mask.cache_info().hits == 1,
    "7a16c2b4fa": lambda top, picked: all(set(probs) == set(top) for probs in picked.values()),
    "7a16c2b4fb": lambda tree, sums: all(
        0 < sum(tree[begun].values()) <= 1 and max(tree[begun].values()) <= sums[begun]
        for begun in tree
    ),
    "7a16c2b4fc": lambda points, apart: points["masking"][-1][1] == apart > points["ASAp"][-1][1],
    "7a16c2b4f6": lambda left, hope, valid: left < 1e-6 and abs(hope[""] / valid - 1) < 1e-6,
    # Your own corpus
    "b17e4d90a3": lambda own_pages, own_places: len(own_pages) == len(own_places) > 0,
    "b175c08fe2": lambda ask, title: "supported" in str(ask(f"What is {title}?")),
}
