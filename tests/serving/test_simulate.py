"""The scheduler on paper against queueing theory, and the engine itself."""

import inspect

import numpy as np
import pytest
from tiny_assistant import tiny_assistant

from course_lib.errors import CourseError
from course_lib.serving.engine import Engine, Step
from course_lib.serving.load import Goal, arrivals
from course_lib.serving.simulate import Timing, measure, simulate


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


def test_littles_law_holds_on_what_comes_out() -> None:
    timing, due = Timing(1e-3, 0.03, 0.06), arrivals(3, 300, seed=1)
    calls = simulate(timing, due, [60] * len(due), [30] * len(due))
    events = sorted([(c.due, 1) for c in calls] + [(c.due + c.total, -1) for c in calls])
    area, inside, before = 0.0, 0, 0.0
    for at, change in events:
        area, inside, before = area + inside * (at - before), inside + change, at
    stays = [call.total for call in calls]
    assert area / before == pytest.approx(len(calls) / before * np.mean(stays), rel=1e-9)


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
