"""Load from outside on a server in this process."""

import pytest
from tiny_assistant import tiny_assistant

from course_lib.errors import CourseError
from course_lib.serving.engine import Engine
from course_lib.serving.load import Call, Goal, arrivals, run_load, summary
from course_lib.serving.server import create_app, serve


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


def test_an_answer_that_ends_at_once_is_an_answer() -> None:
    model, tokenizer = tiny_assistant()
    with Engine(model, tokenizer) as engine, serve(create_app(engine, "tiny")) as address:
        engine.ends = set(range(300))
        [call] = run_load(address, [0.0], ["Hello"])
    assert (call.error, call.tokens) == ("", 0) and 0 < call.first_token == call.total
