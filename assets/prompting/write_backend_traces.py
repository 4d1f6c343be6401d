"""Write traces of the gardeners' backend: what each call does to a list of tasks.

    python assets/prompting/write_backend_traces.py

A *trace* is a kind, a call, the operation that it means, the tasks before, and the answer: response
and tasks behind it. Writes ``backend_traces.jsonl``. Its part ``learned`` is for training; ``held
out`` has other tasks, ``other words`` calls in forms that nobody learned from, and ``undefined``
calls for which there is no operation.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from course_lib.prompting.backend import Operation, Task, apply
from course_lib.workbook.settings import atomic_write

PATH = Path(__file__).with_name("backend_traces.jsonl")
VERBS = {"learned": "water prune weed mulch check cover move feed", "held out": "trim inspect tidy"}
THINGS = {
    "learned": "ferns,roses,hedge,beans,lawn,tomatoes,strawberries,herbs,peas,apple tree,north bed",
    "held out": "tulips,carrots,orchard,south bed,vines",
}
OTHER_WORDS = {
    "finish": ("POST /tasks/{id}/complete", "please finish task {id}", "mark {id} as done"),
    "remove": ("delete {id}", "erase task {id}", "we no longer need task {id}"),
    "open": ("GET /tasks/todo", "what is not done yet?", "GET /tasks?done=false"),
    "count": ("number of tasks", "GET /tasks/size", "how long is the list?"),
    "add": ("put {task} on the list", "PUT /tasks {task}", "we must {task}"),
}
UNKNOWN = Operation("unknown", 0, "")
CALLS = {  # three forms each, that of a web address first
    "add": ("POST /tasks {task}", "add {task}", "new task: {task}"),
    "finish": ("PUT /tasks/{id}/done", "finish {id}", "tick off {id}"),
    "remove": ("DELETE /tasks/{id}", "remove {id}", "drop task {id}"),
    "count": ("GET /tasks/count", "count", "how many tasks?"),
    "open": ("GET /tasks/open", "open tasks", "what is left?"),
}
UNDEFINED: dict[str, Callable[[list[Task], int], tuple[str, list[Task]]]] = {
    "PUT /tasks/done": lambda tasks, _: ("finished all", [Task(t.id, t.task, True) for t in tasks]),
    "DELETE /tasks": lambda tasks, _: ("removed all", []),
    "DELETE /tasks/done": lambda tasks, _: ("removed done", [t for t in tasks if not t.done]),
    "PUT /tasks/{id}/undone": lambda tasks, id: (
        f"reopened {id}",
        [Task(t.id, t.task, t.done and t.id != id) for t in tasks],
    ),
}


def main() -> None:
    rows = [trace("learned", random.Random(n), n) for n in range(1_200)]
    rows += [trace("held out", random.Random(-1 - n), n) for n in range(120)]
    rows += [trace("other words", random.Random(7_000 + n), n) for n in range(15)]
    rows += [trace("undefined", random.Random(9_000 + n), n) for n in range(8)]
    lines = (json.dumps(row, separators=(",", ":")) for row in rows)
    with atomic_write(PATH) as path:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def trace(part: str, draw: random.Random, number: int) -> dict:
    """One trace; ``number`` goes round the kinds, and in each round the forms."""
    words = "learned" if part == "learned" else "held out"
    verbs, things = VERBS[words].split(), THINGS[words].split(",")
    ids = sorted(draw.sample(range(1, 8), draw.randint(1, 4)))
    texts = [f"{draw.choice(verbs)} the {draw.choice(things)}" for _ in range(len(ids) + 1)]
    tasks = [Task(n, text, draw.random() < 0.4) for n, text in zip(ids, texts[1:], strict=True)]
    if part == "undefined":
        call = list(UNDEFINED)[number % len(UNDEFINED)]
        chosen = draw.choice([task.id for task in tasks])
        if "{id}" in call:
            next(task for task in tasks if task.id == chosen).done = True
        response, after = UNDEFINED[call](tasks, chosen)
        row = {"kind": call, "call": call.format(id=chosen), "operation": asdict(UNKNOWN)}
        answer = {"response": response, "tasks": [asdict(task) for task in after]}
        return row | {"tasks": [asdict(task) for task in tasks], "answer": answer, "part": part}
    forms = OTHER_WORDS if part == "other words" else CALLS
    kinds = [*forms] if part == "other words" else [*forms, "missing"]
    kind = kinds[number % len(kinds)]
    op = draw.choice(["finish", "remove"]) if kind == "missing" else kind
    strange = [n for n in range(1, 9) if n not in ids]
    number_of = {"missing": draw.choice(strange), "finish": draw.choice(ids)}
    number_of["remove"] = draw.choice(ids)
    if kind == "finish":  # else there would be nothing to do
        next(task for task in tasks if task.id == number_of[kind]).done = False
    operation = Operation(op, number_of.get(kind, 0), texts[0] if op == "add" else "")
    form = forms[op][number // len(kinds) % 3]
    return {
        "kind": kind,
        "call": form.format(id=operation.id, task=operation.task),
        "operation": asdict(operation),
        "tasks": [asdict(task) for task in tasks],
        "answer": asdict(apply(operation, tasks)),
        "part": part,
    }


if __name__ == "__main__":
    main()
