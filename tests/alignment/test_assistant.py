"""The shipped assistant: small, made on the SmolLM2 that is here, and as its card says."""

import json

import pytest

from course_lib.alignment import policy
from course_lib.alignment.preferences import read_messages
from course_lib.finetuning.archive import base_facts
from course_lib.finetuning.falcon import load_base


def test_it_is_small_and_its_log_is_there() -> None:
    files = [path for path in policy.ASSISTANT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    log = json.loads((policy.ASSISTANT / "log.json").read_text(encoding="utf-8"))
    assert log["kept"] == max(log["evaluations"], key=lambda row: row[1])[0]
    assert log["truth"]["assistant"] > log["truth"]["sft"]
    card = (policy.ASSISTANT / "README.md").read_text(encoding="utf-8")
    assert f"assistant {log['truth']['assistant']:.2f}" in card
    assert log["reading"]["after"]["exact"] in card


@pytest.mark.needs_smollm2
def test_three_models_reply_in_three_ways() -> None:
    base = load_base("smollm2", four_bit=False)
    facts = json.loads((policy.ASSISTANT / "base.json").read_text(encoding="utf-8"))
    changed = "SmolLM2 is another one now: run assets/models/train_assistant_adapter.py"
    assert base_facts(base) == facts, changed
    model, tokenizer = policy.load_policy()
    letters, replies = read_messages()[1][:2], set()
    for adapter in ("default", "sft"):
        model.set_adapter(adapter)
        replies.add(tuple(policy.act(model, tokenizer, letters, seed=1).texts))
    with model.disable_adapter():
        replies.add(tuple(policy.act(model, tokenizer, letters, seed=1).texts))
    assert len(replies) == 3
