"""What must hold behind the cells of ``08_deployment``, on any machine and corpus."""

HOLDS = {
    # 1 · An assistant behind an address
    "81a3c7e2f4": lambda client: client.models.list().data[0].id == "assistant",
    "81b9f5d0a6": lambda rows: len(rows) == 3 and all(reply for _, reply, _ in rows),
    "81c4e8b1d3": lambda engine: engine.trace[-1].waiting == 0,
    "81d2a6f9c8": lambda address: address.startswith("http://127.0.0.1:"),
    # 2 · From a request to its tokens
    "82b4e7a9c2": lambda request, steps, prompt: (
        request.finish_reason in ("stop", "length")
        and sum(steps[0].prefilled.values()) == len(prompt)
        and not steps[1].prefilled
    ),
    # 3 · Every token moves the whole model
    "83a2c5d7e1": lambda weights: 2e8 < weights < 6e8,  # 16 bits, or 32 where these are quicker
    "83b9d1f4a6": lambda bandwidth, moved: bandwidth > 0 < moved,
    "83e1b7d5c9": lambda falcon, bandwidth: bandwidth / min(falcon.values()) > 0,
    # 4 · Others come along for the ride
    "84a7b3e9d2": lambda seconds: list(seconds) == [1, 2, 4, 8, 16] and min(seconds.values()) > 0,
    "84b2d6f0a8": lambda rates: len(rates["measured"]) == 5,
    "84c9e1a4b7": lambda film, lengths: max(lengths) <= len(film) <= sum(lengths),
    "84d5f8c2e0": lambda film: max(len(step.prefilled) + len(step.decoded) for step in film) <= 4,
    # 5 · The same answer as alone?
    "85a3d7b1f6": lambda differ: differ["fp32"] == 0,
    # 6 · Guess first, check all at once
    "86f2a8c6d1": lambda lasted, drafts: list(lasted) == list(drafts),
    "86e7f1a5c8": lambda rows, written: (
        [row[0] for row in rows] == list(written)
        and 0 <= rows[0][3] - len(written["no draft"]) <= 1
    ),
    # 7 · How many can come?
    "87e9a1d6f5": lambda lengths, letters: len(lengths) == len(letters) and max(lengths) <= 21,
    "87d5f8b2c3": lambda timing, capacity: timing.step_8 >= timing.step_1 > 0 < capacity,
    "87f3b4e0a7": lambda predicted: predicted[max(predicted)][1] >= predicted[min(predicted)][0],
    "87a8c1f4d9": lambda found, measured: found["errors"] == 0 and len(measured) == 2,
    "87b2d5a9e1": lambda errors: len(errors) == 2,
    # 8 · What each trick is worth
    "88c1f4a7e2": lambda waits, results: list(waits) == list(results),
    "88a4d7b0c2": lambda results: all(len(tokens) == 8 for *_, tokens in results.values()),
    "88b8e1c4f6": lambda rows: rows[0][2] == "1.0" and len(rows) == 4,
    # 9 · The bill
    "89d1e2f3a4": lambda fast: fast > 0,
    "89d3f8b5e7": lambda rows, prices: len(rows) == sum(price.unit == "hour" for price in prices),
    "89e5b1d4c8": lambda pays: "a second" in repr(pays(1.0, 100, 100)),
    # 11 · Is it still good?
    "8b1a7c3e9d": lambda failed: failed([]) == [],
    "8b1f6e2d47": lambda asked, suite, wrong: len(suite) + len(wrong) == len(asked),
    "8b2d8f4a1e": lambda lively, suite: len(lively) <= len(suite),
    "8b6a3d8152": lambda needed, suite: 0 < needed <= len(suite) + 1,
    "8b7b4e9263": lambda low, high: 0 < low < high,
    "8b8c5fa374": lambda rows: rows[-1][2] == "2 of 2",
    # 12 · The board
    "8c1b7d3f50": lambda numbers: any(name.endswith(" 200") for name in numbers),
    # Going further
    "8e1a4d7b29": lambda times, small: set(times) == {1, 8} and len(small.trace) > 2,
    # Your own corpus
    "8d1a5c7f30": lambda texts: len(texts) > 0,
    "8d2b6d8a41": lambda passage, texts: passage in texts,
}
