"""The shipped backend: small, made on the SmolLM2 that is here, and as its card says."""

import json

import pytest

from course_lib.finetuning.archive import base_facts, load_adapter
from course_lib.finetuning.falcon import load_base
from course_lib.prompting import backend
from course_lib.prompting.runtime import Local


def right(log: dict, way: str, design: str, part: str = "held out") -> list[bool]:
    wanted = {"way": way, "design": design, "part": part}
    return [row["right"] for row in log["calls"] if wanted.items() <= row.items()]


def test_it_is_small_and_its_card_says_what_its_log_says() -> None:
    assert sum(path.stat().st_size for path in backend.ADAPTER.iterdir()) < 5_000_000
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
    facts = json.loads((backend.ADAPTER / "base.json").read_text(encoding="utf-8"))
    changed = "SmolLM2 is another one now: run assets/models/train_backend_adapter.py"
    assert base_facts(base) == facts, changed
    model, some = load_adapter(base, backend.ADAPTER), backend.read_traces("held out")[:12]
    said = backend.replies(model, base.tokenizer, some, "operation")
    marks = [backend.judge("operation", t, s) for t, s in zip(some, said, strict=True)]
    assert all(valid for valid, _ in marks)
    assert sum(right for _, right in marks) >= 8
    kept = backend.Backend(Local(model, base.tokenizer, skip_forced=True), "operation", [])
    assert kept("POST /tasks trim the vines") == "added 1" and len(kept.tasks) == 1
