"""Prompts as functions, runtimes near and far, the backend that has no code, its adapter."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest

from course_lib.errors import CourseError
from course_lib.finetuning.archive import load_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.prompting import backend, runtime
from course_lib.prompting.backend import Backend, Operation, Task, apply, read_traces
from course_lib.prompting.runtime import Endpoint, Local, Replay, Runtime, prompt_function


@dataclass
class Order:
    item: str
    number: int
    colours: list[Literal["green", "grey"]]


class Scripted(Runtime):
    """Says what it was told to, one text after the other."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts = iter(texts)

    def complete(self, messages, schema, max_new_tokens) -> tuple:
        return next(self.texts), 10, 5


def order(model: Runtime, **options):
    @prompt_function(model, **options)
    def read_order(letter: str, language: str = "English") -> Order:
        """What does this customer order?"""

    return read_order


GOOD = '{"item": "Leaf", "number": 2, "colours": ["grey"]}'


def test_a_call_is_the_docstring_the_arguments_and_a_schema() -> None:
    model = Scripted(GOOD)
    assert order(model)("Two grey Leafs, please.") == Order("Leaf", 2, ["grey"])
    assert model.log[0]["messages"] == [
        {"role": "system", "content": "What does this customer order?"},
        {"role": "user", "content": "letter: Two grey Leafs, please.\nlanguage: English"},
    ]
    schema = model.log[0]["schema"]
    assert schema["required"] == ["item", "number", "colours"] == list(schema["properties"])
    assert schema["properties"]["colours"]["items"] == {"enum": ["green", "grey"]}
    assert (model.log[0]["prompt_tokens"], model.log[0]["completion_tokens"]) == (10, 5)


@pytest.mark.parametrize(
    "kind, reply, value",
    [(int, "7", 7), (bool, "true", True), (Literal["low", "high"], '"low"', "low")]
    + [(list[int], "[1, 2]", [1, 2]), (str, '"ü"', "ü")],
)
def test_what_is_no_object_comes_in_one(kind, reply, value) -> None:
    def asked(letter: str):
        """How urgent is it?"""

    asked.__annotations__["return"] = kind
    model = Scripted(f'{{"answer": {reply}}}')
    examples = [(("It burns.",), value)]
    assert prompt_function(model, examples)(asked)("Help!") == value
    shown = model.log[0]["messages"][2]["content"]
    assert json.loads(shown) == {"answer": value}


@pytest.mark.parametrize(
    "bad",
    ["", '{"item": "Leaf"', "[]", GOOD.replace("2", "true"), GOOD.replace("2", '"2"')]
    + [GOOD.replace("grey", "pink"), GOOD[:-1] + ', "more": 1}', GOOD.replace('"item"', '"thing"')],
)
def test_a_reply_that_does_not_fit_is_shown_and_tried_again(bad: str) -> None:
    model = Scripted(bad, GOOD)
    assert order(model)("Two grey Leafs.").number == 2
    said, why = model.log[1]["messages"][-2:]
    assert said == {"role": "assistant", "content": bad}
    assert why["role"] == "user" and "Answer again." in why["content"]


def test_retries_are_bounded_and_a_check_counts_as_well() -> None:
    def few(value: Order, letter: str, language: str) -> None:
        if value.number > 1 and "Leaf" in letter:
            raise ValueError(f"{value.number} is more than we have.")

    model = Scripted(*[GOOD] * 3, "never asked for")
    with pytest.raises(CourseError, match="read_order got no valid answer in 3 .*than we have"):
        order(model, check=few)("Two grey Leafs.")
    assert len(model.log) == 3
    with pytest.raises(CourseError, match="no type for an answer"):
        prompt_function(model)(lambda letter: ...)


def test_a_log_plays_a_run_back_without_a_model(tmp_path) -> None:
    first = Scripted("no JSON", GOOD)
    value = order(first)("Two grey Leafs.")
    path = tmp_path / "log.json"
    path.write_text(json.dumps(first.log), encoding="utf-8")
    again = Replay(json.loads(path.read_text(encoding="utf-8")))
    assert order(again)("Two grey Leafs.") == value
    assert len(again.log) == 2 and again.log[0]["completion_tokens"] == 0
    with pytest.raises(CourseError, match="does not have this call"):
        order(again)("Three green ones.")


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's ``script`` says: (status, body), or seconds to wait."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, dict(self.headers), body))
        status, text = self.server.script.pop(0)
        if isinstance(text, float):
            time.sleep(text)
            return
        self.send_response(status)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_) -> None:
        """Says nothing."""


@pytest.fixture
def server(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.seen, http.script = [], []
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv("COURSE_ENDPOINT", f"http://127.0.0.1:{http.server_port}/v1")
    monkeypatch.setenv("COURSE_ENDPOINT_KEY", "sesame")
    monkeypatch.setenv("COURSE_ENDPOINT_MODEL", "tiny")
    monkeypatch.setattr(runtime, "PAUSE", 0.01)
    yield http
    http.shutdown()
    http.server_close()


WHOLE = json.dumps(
    {
        "choices": [{"message": {"role": "assistant", "content": GOOD}}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 17},
    }
)
FAULTS = [(500, ""), (429, "slow down"), (200, WHOLE[:60]), (200, "{}"), (200, "[null]")]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_is_asked_again_after_a_fault(server, fault) -> None:
    server.script += [fault, (200, WHOLE)]
    far = Endpoint()
    assert order(far)("Two grey Leafs.") == Order("Leaf", 2, ["grey"])
    path, headers, body = server.seen[-1]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer sesame")
    assert body["model"] == "tiny" and body["response_format"]["json_schema"]["strict"]
    assert body["response_format"]["json_schema"]["schema"]["properties"]["number"]
    assert far.log[0]["prompt_tokens"] == 31
    assert "sesame" not in f"{far!r} {vars(far)} {far.log}"


@pytest.mark.parametrize(
    "fault, times, said",
    [((500, ""), 3, "answered 500"), ((401, "no"), 1, "answered 401")]
    + [((307, ""), 1, "answered 307"), ((200, WHOLE[:60]), 3, "half an answer")]
    + [((200, 0.6), 3, "no answer in 0.2 s")],
)
def test_an_endpoint_that_fails_ends_in_a_sentence(server, fault, times, said) -> None:
    """And nothing is lost: the backend's tasks are as they were. A redirect gets no key."""
    server.script += [fault] * times
    kept = Backend(Endpoint(timeout=0.2), "whole", tasks := [Task(1, "weed", False)])
    with pytest.raises(CourseError, match=said) as failure:
        kept("GET /tasks/count")
    assert len(server.seen) == times and kept.tasks == tasks
    assert "sesame" not in str(failure.value)


def test_text_leaves_the_machine_only_encrypted_and_after_a_yes(monkeypatch) -> None:
    for address in ("", "http://example.org/v1", "ftp://127.0.0.1", "example.org", "http://["):
        monkeypatch.setenv("COURSE_ENDPOINT", address)
        with pytest.raises(CourseError, match="Set COURSE_ENDPOINT"):
            order(Endpoint())("Two.")
    monkeypatch.setenv("COURSE_ENDPOINT", "https://example.org/v1")
    monkeypatch.setattr(runtime, "agreed", set(runtime.HERE))
    with pytest.raises(CourseError, match="Nothing was sent"):  # nobody watches
        order(Endpoint())("Two.")
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "n")
    with pytest.raises(CourseError, match=r"Nothing was sent to example\.org"):
        order(Endpoint())("Two.")
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "yes")
    monkeypatch.setattr(runtime, "PAUSE", 0.0)
    for _ in range(2):  # sent, but the tests have no network; asked no second time
        with pytest.raises(CourseError, match="cannot be reached"):
            order(Endpoint())("Two.")
    assert len(asked) == 2 and "example.org" in asked[0]


def test_operations_do_what_they_say_and_leave_the_old_list_alone() -> None:
    tasks = [Task(2, "water the ferns", False), Task(5, "weed the beans", True)]
    before = [Task(2, "water the ferns", False), Task(5, "weed the beans", True)]
    added = apply(Operation("add", 0, "prune"), tasks)
    assert added.response == "added 6" and added.tasks[-1] == Task(6, "prune", False)
    assert apply(Operation("finish", 2, ""), tasks).tasks[0].done
    assert apply(Operation("remove", 5, ""), tasks).tasks == before[:1]
    assert apply(Operation("count", 0, ""), tasks).response == "2"
    assert apply(Operation("open", 0, ""), tasks).response == "2"
    assert apply(Operation("add", 0, "first"), []).tasks == [Task(1, "first", False)]
    for op in ("finish", "remove", "unknown"):
        assert apply(Operation(op, 3, ""), tasks) == backend.Answer("not found", before)
    assert tasks == before


def test_traces_are_right_and_what_is_asked_was_not_learned() -> None:
    parts = "learned", "held out", "other words", "undefined"
    learned, held_out, other, undefined = map(read_traces, parts)
    assert all(apply(t.operation, t.tasks) == t.answer for t in learned + held_out + other)
    assert {trace.kind for trace in learned} == {trace.kind for trace in held_out}
    words = [{task.task for t in part for task in t.tasks} for part in (learned, held_out)]
    assert not words[0] & words[1]
    forms = [
        {trace.call.replace(trace.operation.task or "*", "").strip("0123456789") for trace in part}
        for part in (learned, other + undefined)
    ]
    assert not forms[0] & forms[1]
    for trace in held_out[:30]:
        for design, reply in (("whole", trace.answer), ("operation", trace.operation)):
            assert backend.judge(design, trace, runtime.to_json(reply)) == (True, True)
            assert backend.judge(design, trace, "not found") == (False, False)
    for response, tasks, right in (("?", undefined[0].answer.tasks, True), ("?", [], False)):
        reply = runtime.to_json(backend.Answer(response, tasks))
        assert backend.judge("whole", undefined[0], reply) == (True, right)


def test_the_backend_keeps_its_tasks_when_a_reply_cannot_be_read() -> None:
    tasks = [Task(1, "water the ferns", False)]
    reply = runtime.to_json(apply(Operation("finish", 1, ""), tasks))
    kept = Backend(Scripted(reply[:40], reply, '{"op": "fly"}'), "whole", tasks)
    assert kept("finish 1").startswith("500") and kept.tasks == tasks
    assert kept("finish 1") == "finished 1" and kept.tasks[0].done
    second = Backend(Scripted('{"op": "add", "id": 0, "task": "mow"}'), "operation", tasks)
    assert second("add mow") == "added 2" and len(second.tasks) == 2
    shown = second.runtime.log[0]["messages"]
    assert "ferns" not in shown[1]["content"]  # this design does not read the list


# --- The adapter that ships ---
def right(log: dict, way: str, design: str, part: str = "held out") -> list[bool]:
    wanted = {"way": way, "design": design, "part": part}
    return [row["right"] for row in log["calls"] if wanted.items() <= row.items()]


def test_its_card_says_what_its_log_says() -> None:
    log = json.loads((backend.ADAPTER / "log.json").read_text(encoding="utf-8"))
    card = (backend.ADAPTER / "README.md").read_text(encoding="utf-8")
    for design in backend.REPLIES:
        before, after = (right(log, way, design) for way in ("free", "tuned + constrained"))
        assert sum(before) < sum(after) and f"{sum(after)} of {len(after)}" in card
    calls = {trace.call for trace in backend.read_traces("learned")}
    assert not any(row["call"] in calls for row in log["calls"] if row["part"] == "undefined")


@pytest.mark.needs_smollm2
def test_it_answers_calls_that_it_has_not_learned_from() -> None:
    base = load_base("smollm2", four_bit=False)
    model, some = load_adapter(base, backend.ADAPTER), backend.read_traces("held out")[:12]
    said = backend.replies(model, base.tokenizer, some, "operation")
    marks = [backend.judge("operation", t, s) for t, s in zip(some, said, strict=True)]
    assert all(valid for valid, _ in marks)
    assert sum(right for _, right in marks) >= 8
    kept = backend.Backend(Local(model, base.tokenizer, skip_forced=True), "operation", [])
    assert kept("POST /tasks trim the vines") == "added 1" and len(kept.tasks) == 1
