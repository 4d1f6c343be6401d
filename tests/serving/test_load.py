"""Load on a server in this process, on paper against queueing theory, and the bill."""

import inspect
import random

import numpy as np
import pytest
from tiny_assistant import tiny_assistant

from course_lib.errors import CourseError
from course_lib.serving.cost import (
    UNITS,
    break_even,
    per_million_tokens,
    read_prices,
    scale_to_zero,
)
from course_lib.serving.engine import Engine, Step
from course_lib.serving.load import Call, Goal, arrivals, run_load, summary
from course_lib.serving.server import create_app, serve
from course_lib.serving.simulate import Timing, measure, simulate


@pytest.mark.parametrize("seed", range(5))
def test_arrivals_are_a_poisson_process(seed: int) -> None:
    times = arrivals(5.0, 1000, seed)
    assert times == sorted(times) == arrivals(5.0, 1000, seed) and times[-1] < 1000
    assert abs(len(times) - 5000) < 5 * 5000**0.5  # five standard deviations
    seconds = [sum(n <= at < n + 1 for at in times) for n in range(100)]
    assert 2 < sum((count - 5) ** 2 for count in seconds) / 100 < 10  # variance = mean
    for wrong in [(0, 10), (1, 0), (1e9, 1e9), (float("nan"), 1)]:
        with pytest.raises(CourseError, match="more than 0"):
            arrivals(*wrong)


def test_each_request_is_sent_and_measured_from_when_it_was_due() -> None:
    model, tokenizer = tiny_assistant()
    with Engine(model, tokenizer, max_batch_size=2, max_waiting=1, prefix_cache=False) as engine:
        engine.ends = set()  # each answer has its full length
        with serve(create_app(engine, "tiny")) as address:
            calls = run_load(address, arrivals(50, 0.2, 1), ["Hello", "Hi"], max_tokens=6)
            assert len(calls) == len(arrivals(50, 0.2, 1))
            good = [call for call in calls if not call.error]
            assert all(call.tokens == 6 for call in good)
            assert all(0 < call.first_token < call.total for call in good)
            crowd = run_load(address, [0.0] * 30, ["Hello"], max_tokens=40)
            engine.ends = set(range(300))  # an answer that ends at once is an answer
            [short] = run_load(address, [0.0], ["Hello"])
    assert (short.error, short.tokens) == ("", 0) and 0 < short.first_token == short.total
    refused = [call for call in crowd if call.error]
    assert 0 < len(refused) < 30 and all("429" in call.error for call in refused)
    numbers = summary(crowd, Goal(60.0, 60.0))
    assert numbers["errors"] == len(refused) and numbers["requests"] == 30
    assert numbers["goodput"] > 0 and numbers["first_token_p50"] <= numbers["total_p95"]


def test_the_knee_is_where_too_few_are_content() -> None:
    def run(good: int) -> list[Call]:
        return [Call(0.0, 0.1, 0.1, 1.0, 5)] * good + [Call(0.0, 9.0, 0.1, 9.0, 5)] * (10 - good)

    goal = Goal(1.0, 0.2)
    assert goal.share(run(7)) == 0.7
    assert goal.knee({1.0: run(10), 2.0: run(10), 4.0: run(8)}) == pytest.approx(3.0)
    assert goal.knee({1.0: run(10), 2.0: run(10)}) == 2.0
    assert goal.knee({2.0: run(0)}) == pytest.approx(0.2)
    assert goal.share([Call(0.0, error="APIError")]) == 0


def test_only_this_machine_is_loaded_and_a_silent_one_is_told() -> None:
    for address in ("http://example.com", "https://10.0.0.1:8000", "127.0.0.1:80"):
        with pytest.raises(CourseError, match="on this machine"):
            run_load(address, [0.0], ["Hello"])
    with pytest.raises(CourseError, match="does not answer"):
        run_load("http://127.0.0.1:9", [0.0], ["Hello"])
    with pytest.raises(CourseError, match="No request was answered"):
        summary([Call(0.0, error="APIConnectionError")], Goal())


# --- The bill ---
def test_a_token_costs_what_its_share_of_the_hour_costs() -> None:
    assert per_million_tokens(3.6, 1000, 1.0) == pytest.approx(1.0)  # 3.6 million tokens an hour
    assert per_million_tokens(3.6, 1000, 0.25) == pytest.approx(4.0)
    assert break_even(2.0, 1000, 500, (1.0, 2.0)) == pytest.approx(1000)  # 0.002 dollars a request
    assert break_even(2.0, 1000, 500, (0.0, 0.0)) == float("inf")
    for wrong in [(1.0, 0.0, 0.5), (1.0, 10.0, 0.0), (1.0, 10.0, 1.1)]:
        with pytest.raises(CourseError, match="utilisation"):
            per_million_tokens(*wrong)


@pytest.mark.parametrize(("rate", "keep", "start"), [(0.01, 60, 30), (0.002, 300, 100), (1, 0, 2)])
def test_scale_to_zero_is_what_a_simulated_machine_does(rate, keep, start) -> None:
    paid, off = scale_to_zero(rate, keep, start)
    rng, now, until, on, cold, number = random.Random(0), 0.0, 0.0, 0.0, 0, 200_000
    for _ in range(number):
        now += rng.expovariate(rate)
        if now >= until:  # off: it starts, and is ready later
            cold, on, until = cold + 1, on + start + keep, now + start + keep
        elif now + keep > until:
            on, until = on + now + keep - until, now + keep
    assert (on / now, cold / number) == pytest.approx((paid, off), rel=0.02)
    with pytest.raises(CourseError):
        scale_to_zero(0, keep, start)


def test_every_price_of_the_table_has_a_date_and_a_source(tmp_path) -> None:
    for price in read_prices():
        assert price.unit in UNITS and price.dollars > 0
        assert price.source.startswith("https://") != (price.date == "example")
    table = tmp_path / "prices.csv"
    table.write_text("name,unit,dollars,date,source\nA,hour,1,2026,x\nB,hour,free,2026,x\n")
    with pytest.raises(CourseError, match="Row 2 of prices.csv"):
        read_prices(table)


# --- The scheduler on paper ---
def waits(tokens: list[int], timing: Timing, due: list[float]) -> list[float]:
    """Seconds before each service begins, with one place, and answers of one token."""
    calls = simulate(timing, due, tokens, [1] * len(due), 1, prefill_chunk=10**9)
    return [call.total - timing.prefill * n for call, n in zip(calls, tokens, strict=True)]


@pytest.mark.parametrize("load", [0.3, 0.5])
def test_one_place_is_the_textbooks_queue(load: float) -> None:
    """M/D/1 waits load / (2 (1 − load)) services, M/M/1 twice that (Pollaczek 1930, Khinchin).

    Over five seeds together the means lie within 8 %; each wait by itself is Lindley's (1952).
    """
    timing, constant, drawn = Timing(prefill=1e-3, step_1=0.0, step_8=0.0), [], []
    for seed in range(5):
        due = arrivals(load, 20_000, seed)
        sizes = np.ceil(np.random.default_rng(seed + 100).exponential(1000, len(due)))
        constant += waits([1000] * len(due), timing, due)
        drawn += (mine := waits(sizes.astype(int).tolist(), timing, due))
        wait = 0.0
        for here, size, gap in zip(mine, sizes / 1000, np.diff(due), strict=False):
            assert here == pytest.approx(wait, abs=1e-6)
            wait = max(0.0, wait + size - gap)
    assert np.mean(constant) == pytest.approx(load / (2 * (1 - load)), rel=0.08)
    assert np.mean(drawn) == pytest.approx(load / (1 - load), rel=0.08)


def test_more_load_waits_longer_and_a_full_batch_passes_what_littles_law_says() -> None:
    timing, goal, runs = Timing(1e-3, 0.03, 0.06), Goal(2.0, 0.25), {}
    for rate in (0.5, 1, 2, 3, 4, 6):
        due = arrivals(1.0, 400, seed=2)  # the same requests, closer together
        runs[rate] = simulate(timing, [at / rate for at in due], [50] * len(due), [40] * len(due))
    medians = [np.median([call.total for call in runs[rate]]) for rate in sorted(runs)]
    assert medians == sorted(medians)
    full = simulate(timing, [0.0] * 800, [50] * 800, [40] * 800)
    passed = 800 / max(call.total for call in full)
    assert passed == pytest.approx(timing.capacity(50, 40), rel=0.03)
    assert 1 < goal.knee(runs) < timing.capacity(50, 40)


@pytest.mark.parametrize("seed", range(5))
def test_the_steps_are_the_engines(seed: int) -> None:
    """Both need the same number of steps, with as many tokens read in each and as many writers."""
    rng = np.random.default_rng(seed)
    prompts, answers = rng.integers(2, 60, 9).tolist(), rng.integers(1, 12, 9).tolist()
    model, tokenizer = tiny_assistant(seed)
    engine = Engine(model, tokenizer, 4, prefill_chunk=32, prefix_cache=False)
    engine.ends = set()  # no answer ends before its length
    for prompt, answer in zip(prompts, answers, strict=True):
        engine.submit(rng.integers(0, 256, prompt).tolist(), answer)
    while engine.step():
        pass
    seconds = Timing(prefill=1.0, step_1=1000.0, step_8=1000.0 + 7 * 100.0)
    clock = sum(seconds.step(sum(s.prefilled.values()), len(s.decoded)) for s in engine.trace)
    calls = simulate(seconds, [0.0] * 9, prompts, answers, 4, 32)
    assert max(call.total for call in calls) == pytest.approx(clock)
    engine.close()


def test_three_numbers_are_read_off_a_trace() -> None:
    trace, now = [], 0.0
    for writers, read, lasts in [(0, 40, 9.0), (1, 0, 3.0), (1, 0, 3.0), (8, 10, 8.0), (8, 0, 4.4)]:
        trace.append(Step(now, lasts / 2, {99: read} if read else {}, [*range(writers)], [], 0))
        now += lasts  # the other half is the server's
    trace.append(Step(now, 1.0, {}, [0], [], 0))
    # A step costs 2.8, and 0.2 a writer: 6.2 and 3.6 are left for the prompts' 50 tokens.
    made = measure(trace)
    found = (made.prefill, made.step_1, made.step_8)
    assert found == pytest.approx((9.8 / 50, 3.0, 4.4))
    with pytest.raises(CourseError, match="8 at once"):
        measure(trace[:3])


def test_the_sizes_of_batch_and_chunk_are_the_engines() -> None:
    ours, theirs = (inspect.signature(one).parameters for one in (simulate, Engine))
    for name in ("max_batch_size", "prefill_chunk"):
        assert ours[name].default == theirs[name].default


def test_impossible_times_are_refused() -> None:
    for wrong in [(-1, 1, 1), (0, 2, 1), (0, -1, 1)]:
        with pytest.raises(CourseError, match="time anew"):
            Timing(*wrong)
    with pytest.raises(CourseError, match="1 or more"):
        simulate(Timing(1, 1, 1), [0.0], [0], [1])
