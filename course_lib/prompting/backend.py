"""A backend whose only code is a prompt: gardeners' tasks, calls, and a model that answers them.

In the first design the model writes the response and the *whole* new list. In the second it names
an *operation*, and ``apply`` carries it out.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from course_lib.places import REPOSITORY
from course_lib.prompting.runtime import Runtime, build, constraint_of, schema_of, to_json
from course_lib.transformer.chat import chat
from course_lib.transformer.sampling import GREEDY
from course_lib.workbook.models import FOLDER

ADAPTER = FOLDER / "backend-adapter"
TRACES = REPOSITORY / "assets/prompting/backend_traces.jsonl"


@dataclass
class Task:
    id: int
    task: str
    done: bool


@dataclass
class Operation:
    """``id`` is 0 and ``task`` is empty where the operation needs none."""

    op: Literal["add", "finish", "remove", "count", "open", "unknown"]
    id: int
    task: str


@dataclass
class Answer:
    response: str
    tasks: list[Task]


@dataclass
class Trace:
    """What ``call`` does to ``tasks``.

    part   learned; held out, with other tasks; other words for the call; undefined, no operation
    """

    kind: str
    call: str
    operation: Operation
    tasks: list[Task]
    answer: Answer
    part: Literal["learned", "held out", "other words", "undefined"]


REPLIES = {"whole": Answer, "operation": Operation}
SYSTEM = {
    "whole": "You keep a list of tasks. Answer a call in JSON: the response and the new list.",
    "operation": "You keep a list of tasks. Answer a call in JSON: the operation to carry out.",
}
DESCRIPTION = (
    " POST /tasks adds a task with the next number, PUT /tasks/2/done finishes task 2, DELETE "
    "/tasks/2 removes it, GET /tasks/count counts all, GET /tasks/open names those not done. "
    'If there is no such task: "not found".'
)
EXAMPLES = {
    "POST /tasks prune the hedge": Operation("add", 0, "prune the hedge"),
    "PUT /tasks/1/done": Operation("finish", 1, ""),
}


def apply(operation: Operation, tasks: list[Task]) -> Answer:
    """Carry an operation out; the list that was given stays as it is."""
    tasks = deepcopy(tasks)
    own = [task for task in tasks if task.id == operation.id]
    match operation.op:
        case "add":
            number = max((task.id for task in tasks), default=0) + 1
            return Answer(f"added {number}", [*tasks, Task(number, operation.task, False)])
        case "count":
            return Answer(str(len(tasks)), tasks)
        case "open":
            return Answer(", ".join(str(t.id) for t in tasks if not t.done) or "none", tasks)
        case "finish" if own:
            own[0].done = True
            return Answer(f"finished {operation.id}", tasks)
        case "remove" if own:
            return Answer(f"removed {operation.id}", [t for t in tasks if t is not own[0]])
    return Answer("not found", tasks)


def read_traces(part: str) -> list[Trace]:
    """The traces that ``assets/prompting/write_backend_traces.py`` wrote."""
    rows = map(json.loads, TRACES.read_text(encoding="utf-8").splitlines())
    return [build(Trace, row) for row in rows if row["part"] == part]


def turns(design: str, tasks: list[Task], call: str, described: bool = False) -> list[dict]:
    """The prompt; ``described``: with the rules and two calls as examples."""

    def asked(call: str) -> dict:
        state = f"tasks: {to_json(tasks)}\n" if design == "whole" else ""
        return {"role": "user", "content": f"{state}call: {call}"}

    start = [{"role": "system", "content": SYSTEM[design] + DESCRIPTION * described}]
    for example, operation in EXAMPLES.items() if described else ():
        reply = apply(operation, tasks) if design == "whole" else operation
        start += [asked(example), {"role": "assistant", "content": to_json(reply)}]
    return [*start, asked(call)]


def carry_out(design: str, reply: str, tasks: list[Task]) -> Answer:
    """What a reply amounts to; ``ValueError`` if it is not what the design asks for."""
    built = build(REPLIES[design], json.loads(reply))
    return apply(built, tasks) if design == "operation" else built


class Backend:
    """Answers calls and keeps ``tasks``; after a reply that cannot be read they are as before."""

    def __init__(self, runtime: Runtime, design: str, tasks: list[Task]) -> None:
        self.runtime, self.design, self.tasks = runtime, design, tasks

    def __call__(self, call: str) -> str:
        asked = turns(self.design, self.tasks, call)
        reply = self.runtime.ask(asked, schema_of(REPLIES[self.design]))
        try:
            answer = carry_out(self.design, reply, self.tasks)
        except ValueError as error:
            return f"500: {error}"
        self.tasks = answer.tasks
        return answer.response


def replies(
    model: Any,
    tokenizer: Any,
    traces: Sequence[Trace],
    design: str,
    described: bool = False,
    constrained: bool = True,
) -> list[str]:
    """What a model says to each trace's call, in batches of 24."""
    schema, said = json.dumps(schema_of(REPLIES[design])), []
    constraint = constraint_of(schema, tokenizer) if constrained else None
    longest = 140 if design == "whole" else 40
    for start in range(0, len(traces), 24):
        some = traces[start : start + 24]
        chats = [turns(design, trace.tasks, trace.call, described) for trace in some]
        options = dict(show=False, constraint=constraint)
        said += chat(model, tokenizer, chats, longest, GREEDY, **options)
    return said


def judge(design: str, trace: Trace, reply: str) -> tuple[bool, bool]:
    """Whether a reply can be carried out, and whether the client then sees what is right.

    Nobody has said how to answer a call that is undefined: there the right tasks are enough.
    """
    try:
        answer = carry_out(design, reply, trace.tasks)
    except ValueError:
        return False, False
    enough = trace.operation.op == "unknown" and answer.tasks == trace.answer.tasks
    return True, enough or answer == trace.answer
