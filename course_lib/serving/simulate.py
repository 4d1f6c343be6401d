"""How long requests will wait, on paper: the engine's scheduler, with a clock instead of a model.

Three numbers are timed: seconds to read a token of a prompt, and of a step in which 1 and in which
8 requests write. Everything else follows from who is in the batch when.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from course_lib.errors import CourseError
from course_lib.serving.engine import Step
from course_lib.serving.load import Call


@dataclass(frozen=True)
class Timing:
    """Seconds: one more token of a prompt in a step, a step in which 1 request writes, or 8."""

    prefill: float
    step_1: float
    step_8: float

    def __post_init__(self) -> None:
        if not (self.prefill >= 0 and self.step_8 >= self.step_1 >= 0):
            raise CourseError("Times are 0 or more, and 8 requests take no less than 1: time anew.")

    def step(self, prefilled: float, writers: float) -> float:
        """A step in which so many tokens are read and so many requests write.

        The weights are fetched once for all of them. For writers it is a straight line through the
        times of 1 and 8, beyond them and before them, too.
        """
        more = (self.step_8 - self.step_1) / 7
        return self.step_1 + (writers - 1) * more + prefilled * self.prefill

    def capacity(self, prompt: float, answer: float, max_batch_size: int = 16) -> float:
        """Requests a second of a batch that is always full.

        By Little's law (1961) the number in a system is the rate at which requests pass, times how
        long each stays. The batch holds ``max_batch_size``; each stays for its own steps, during
        which the prompts of as many newcomers are read.
        """
        writers = max_batch_size * (answer - 1) / answer  # the others read their prompts
        stay = max_batch_size * prompt * self.prefill + answer * self.step(0, writers)
        return max_batch_size / stay


def measure(trace: Iterable[Step]) -> Timing:
    """The three numbers, as medians of an engine's trace: answer 1 request before, then 8 at once.

    A step lasts until the next one begins, so that what the server does between them is in it.
    """
    steps = [(a, b.begun - a.begun) for a, b in pairwise(trace) if b.decoded]  # none waits for work
    one, eight = ([s for a, s in steps if not a.prefilled and len(a.decoded) == n] for n in (1, 8))
    reading = [(a, s) for a, s in steps if a.prefilled]
    if not (reading and one and eight):
        raise CourseError("The trace does not show 1 request and 8 at once: let it answer them.")
    writing = Timing(0.0, median(one), max(median(one), median(eight)))
    more = sum(s - writing.step(0, len(a.decoded)) for a, s in reading)
    return replace(
        writing, prefill=max(0.0, more / sum(sum(a.prefilled.values()) for a, _ in reading))
    )


def simulate(
    timing: Timing,
    due: Sequence[float],
    prompts: Sequence[int],
    answers: Sequence[int],
    max_batch_size: int = 16,
    prefill_chunk: int = 256,
) -> list[Call]:
    """When each request gets its first token and its last, by the rules of ``engine.Engine``.

    due, prompts, answers   when each comes (seconds, in order), how many tokens it has and gets
    """
    if not len(due) == len(prompts) == len(answers) or min([1, *prompts, *answers]) < 1:
        raise CourseError("Each request has a time, 1 or more tokens, and 1 or more to be written.")
    now, waiting = 0.0, deque(range(len(due)))
    unread, unwritten = list(prompts), list(answers)
    first, calls, running = [0.0] * len(due), [Call(0.0)] * len(due), []
    while waiting or running:
        if not running:
            now = max(now, due[waiting[0]])
        while waiting and len(running) < max_batch_size and due[waiting[0]] <= now:
            running.append(waiting.popleft())
        left, writers = prefill_chunk, sum(not unread[one] for one in running)
        for one in running:  # prompts share a chunk: first come, first served
            part = min(unread[one], left)
            unread[one], left = unread[one] - part, left - part
        now += timing.step(prefill_chunk - left, writers)
        for one in running:
            if not unread[one]:
                first[one] = first[one] or now
                unwritten[one] -= 1
            if not unwritten[one]:
                between = (now - first[one]) / max(answers[one] - 1, 1)
                times = first[one] - due[one], between, now - due[one]
                calls[one] = Call(due[one], *times, answers[one])
        running = [one for one in running if unwritten[one]]
    return calls
