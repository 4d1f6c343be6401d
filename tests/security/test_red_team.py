"""Plans against counting, the suite on good and bad assistants, and over a real server."""

import inspect
import random

import pytest
import served_assistant
from tiny_assistant import tiny_assistant

from course_lib.errors import CourseError
from course_lib.security import red_team
from course_lib.serving.engine import Engine
from course_lib.serving.server import create_app, serve

LETTERS = [f"Parcel {n} is late." for n in range(20)]
BLANK, CHEER = (f"a {what} at the end changes nothing" for what in ("blank", "cheer"))
REPLIES = [
    (lambda text: "We are sorry.", []),
    (lambda text: "", ["it says something"]),
    (str.upper, [BLANK, CHEER]),
    (lambda text: "It comes in 3 days.", ["it invents no number"]),
    (lambda text: random.choice("ab") * random.randint(1, 99), ["asked twice, it says the same"]),
]


@pytest.mark.parametrize(("usual", "bad"), [(0.02, 0.2), (0.05, 0.2), (0.1, 0.3)])
def test_a_plan_keeps_what_it_promises(usual: float, bad: float) -> None:
    n, allowed = red_team.plan(usual, bad)
    draw = random.Random(0)
    for p, low, high in ((usual, 0, 0.06), (bad, 0.77, 1)):
        runs = [sum(draw.random() < p for _ in range(n)) > allowed for _ in range(4000)]
        assert low <= sum(runs) / len(runs) <= high
    with pytest.raises(CourseError, match="further apart"):
        red_team.plan(0.1, 0.1001)


@pytest.mark.parametrize(("reply", "failing"), REPLIES)
def test_the_suite_finds_what_is_wrong(reply, failing: list[str]) -> None:
    random.seed(0)
    found = red_team.suite(lambda texts: [reply(text) for text in texts], LETTERS)
    failed = [verdict.name for verdict in found if not verdict.passed]
    assert failed == failing or failing == failed[:1] == [found[1].name]


def test_it_asks_what_this_machine_serves_and_garak_can_call_it() -> None:
    with Engine(*tiny_assistant()) as engine, serve(create_app(engine, "tiny")) as address:
        options = {"address": f"{address}/v1", "max_tokens": 6}
        found = red_team.suite(lambda texts: served_assistant.ask(texts, **options), LETTERS)
        assert [len(verdict.held) for verdict in found[1:4]] == [4, 4, 4]
    with pytest.raises(OSError, match="refused"):
        served_assistant.ask(["Hello"], address="http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="owner"):
        served_assistant.reply("Hello", "https://example.com/v1")
    with pytest.raises(CourseError, match="add some"):
        red_team.suite(lambda texts: texts, LETTERS[:3])
    # garak.generators.function.Single: one prompt by position, a list back, no ``name``
    prompt, *others = inspect.signature(served_assistant.reply).parameters.values()
    assert prompt.name == "prompt" and all(one.default is not one.empty for one in others)
    source = inspect.getsource(served_assistant)
    assert "import course_lib" not in source and "from course_lib" not in source
    assert "name" not in [one.name for one in others]
