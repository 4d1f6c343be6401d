"""Load on a server of this machine, as users make it: they come when they come.

An *open loop* sends each request at its own time, whether or not others have been answered, and
measures from that time. A loop that waits for an answer before it asks again slows down together
with the server, and so hides the queue (Schroeder et al. 2006, "Open versus closed").
"""

import asyncio
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError

from course_lib.errors import CourseError
from course_lib.workbook.machine import release_threads


@dataclass(frozen=True)
class Call:
    """One request: seconds from when it was ``due``, which is counted from the start of the run.

    between   seconds between two tokens, on average; ``error`` is "" for an answer that is whole
    """

    due: float
    first_token: float = float("inf")
    between: float = float("inf")
    total: float = float("inf")
    tokens: int = 0
    error: str = ""


@dataclass(frozen=True)
class Goal:
    """What users are content with: at most so many seconds to the first token and between two."""

    first_token: float = 2.0
    between: float = 0.25

    def share(self, calls: Sequence[Call]) -> float:
        """The part of the requests that keep to it; one that failed does not."""
        kept = [c.first_token <= self.first_token and c.between <= self.between for c in calls]
        return float(np.mean(kept))

    def knee(self, runs: dict[float, Sequence[Call]], share: float = 0.9) -> float:
        """The rate up to which at least ``share`` of the requests keep to it, on a straight line
        between the last rate of ``runs`` that does and the first that does not (*goodput*: Zhong et
        al. 2024, arXiv 2401.09670, section 3).
        """
        before, at = 0.0, 1.0
        for rate in sorted(runs):
            if (now := self.share(runs[rate])) < share:
                return before + (rate - before) * (at - share) / (at - now)
            before, at = rate, now
        return before


def arrivals(rate: float, seconds: float, seed: int = 0) -> list[float]:
    """Times of a Poisson process: ``rate`` requests a second on average, each on its own."""
    if not (rate > 0 and seconds > 0 and rate * seconds <= 1e6):
        raise CourseError("Rate and seconds are more than 0, and make at most a million requests.")
    generator = np.random.default_rng(seed)
    gaps = generator.exponential(1 / rate, int(rate * seconds + 10 * (rate * seconds) ** 0.5 + 20))
    times = gaps.cumsum()
    return times[times < seconds].tolist()


def run_load(
    address: str, due: Sequence[float], prompts: Sequence[str], key: str = "none", **options: Any
) -> list[Call]:
    """Ask for an answer to each of ``prompts`` in turn, at the times ``due``.

    options   of the request: ``max_tokens``, ``temperature``, ``seed``, ``timeout`` …

    Only servers of this machine are asked: load on others is an attack.
    """
    if urlsplit(address).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise CourseError("Load is for a server on this machine: give an http://127.0.0.1 address.")

    async def run() -> list[Call]:
        web = DefaultAsyncHttpxClient(trust_env=False)  # no proxy stands between
        async with AsyncOpenAI(
            base_url=f"{address}/v1", api_key=key, max_retries=0, http_client=web
        ) as client:
            try:
                model = (await client.models.list()).data[0].id
            except OpenAIError as error:
                raise CourseError(f"{address} does not answer ({error}): start it.") from error
            asked, begun = {"model": model, **options}, perf_counter()
            pairs = zip(due, itertools.cycle(prompts), strict=False)
            return await asyncio.gather(*(_ask(client, begun, *pair, asked) for pair in pairs))

    release_threads()  # the server may compute in another thread of this process
    with ThreadPoolExecutor(1) as other:  # a notebook's own thread has an event loop already
        return other.submit(asyncio.run, run()).result()


async def _ask(client: AsyncOpenAI, begun: float, due: float, text: str, asked: dict) -> Call:
    await asyncio.sleep(begun + due - perf_counter())
    first, tokens, options = None, None, {"stream": True, "stream_options": {"include_usage": True}}
    messages: Any = [{"role": "user", "content": text}]
    try:
        async for event in await client.chat.completions.create(
            messages=messages, **options, **asked
        ):
            if event.choices and event.choices[0].delta.content:
                first = first or perf_counter()
            tokens = event.usage.completion_tokens if event.usage else tokens
    except OpenAIError as error:
        return Call(due, error=f"{type(error).__name__}: {error}")
    if tokens is None:
        return Call(due, error="The answer has no end.")
    now = perf_counter()
    first = first or now  # an answer may be an end mark, and nothing else
    between = (now - first) / max(tokens - 1, 1)
    return Call(due, first - begun - due, between, now - begun - due, tokens)


def summary(calls: Sequence[Call], goal: Goal) -> dict[str, float]:
    """Percentiles in seconds, and what a second brought: requests, good ones, tokens."""
    good = [call for call in calls if not call.error]
    if not good:
        raise CourseError(f"No request was answered, the first because: {calls[0].error}")
    lasted = max(call.due + call.total for call in good)
    result = {"requests": len(calls), "errors": len(calls) - len(good)}
    for name in ("first_token", "between", "total"):
        values = [getattr(call, name) for call in good]
        for part in (50, 95):
            result[f"{name}_p{part}"] = float(np.percentile(values, part))
    result["tokens_per_second"] = sum(call.tokens for call in good) / lasted
    return result | {"goodput": goal.share(calls) * len(calls) / lasted}
