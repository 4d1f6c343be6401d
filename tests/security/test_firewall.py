"""The toy firewall: every request is counted. The exercises hold to the fix contract."""

import re
from sqlite3 import Connection

import pytest
from exercise_tests import mistakes_are_diagnosed

from course_lib.security import checks, firewall, injection
from course_lib.security.target import read

EVERY, ALL = firewall.every_request(), firewall.RULES


def safe(database: Connection, name: str, password: str) -> bool:
    command = "SELECT name FROM users WHERE name = ? AND password = ?"
    return database.execute(command, (name, password)).fetchone() is not None


def opened(texts: list[str], rules: tuple = ()) -> float:
    database = firewall.make_database()
    came = [firewall.passes(t, rules) and firewall.log_in(database, t, "wrong") for t in texts]
    return sum(came) / len(came)


def test_what_was_typed_becomes_command_or_stays_a_value() -> None:
    database, honest = firewall.make_database(), read("logins").items()
    assert firewall.log_in(database, firewall.INJECTION, "x") and 0.3 < opened(EVERY) < 0.6
    assert not firewall.log_in(database, "ada", "wrong") and len(EVERY) == 729
    assert not any(safe(database, text, "wrong") for text in EVERY)
    assert all(safe(database, *person) for person in honest) and len(honest) == 40
    typed = [" ".join(person) for person in honest]
    refused = [sum(not firewall.passes(text, ALL[:k]) for text in typed) for k in range(7)]
    assert refused == sorted(refused) and refused[0] == 0 and refused[-1] >= 8


@pytest.mark.parametrize("seed", range(5))
def test_the_agent_learns_past_every_list_but_the_last(seed: int) -> None:
    for rules in (ALL[:k] for k in range(len(ALL))):
        assert opened(firewall.learn(rules, seed=seed)[1], rules) > 0.9 > opened(EVERY, rules)
    assert opened(firewall.learn(ALL, seed=seed)[1], ALL) == 0
    blind = firewall.learn(ALL, oracle=False, seed=seed)[1]
    assert sum(firewall.passes(text, ALL) for text in blind) > 0.9 * len(blind)
    assert opened(blind, ALL) == 0


def gate(to: str, request: str, page: str) -> bool:
    return injection.may_send(injection.Call("send_note", to, ""), request)


def once(page: str) -> str:
    return "<page>\n{}\n</page>".format(re.sub("</?page>", "", page))


MISTAKES = {
    "log_in": [
        (lambda d, n, w: firewall.passes(n, ALL[:3]) and firewall.log_in(d, n, w), "still works"),
        (lambda d, n, w: "'" not in n + w and firewall.log_in(d, n, w), "O'Shea gave the right"),
        (lambda d, n, w: False, "let the database keep"),
        (
            lambda d, n, w: firewall.log_in(d, n.replace("'", "''"), w.replace("'", "''")),
            "beside it",
        ),
        (lambda d, n, w: safe(d, n, w) or w == "green peas", "wrong password"),
    ],
    "may_send": [
        (lambda to, request, page: to != "Emre Kaya", "could not know"),
        (lambda to, request, page: to in request + page.split(".")[0], "the user does not"),
        (lambda to, request, page: to in request, "part of a word"),
        (lambda to, request, page: not to or gate(to, request, page), "an empty text"),
        (lambda to, request, page: False, "Who must have written"),
        (
            lambda to, request, page: bool(to) and {*to.split()} <= {*re.findall(r"\w+", request)},
            "Ana",
        ),
        (lambda to, request, page: gate(to, request, page) and to not in page[:60], "as well"),
    ],
    "between_marks": [
        (lambda page: page, "Of an honest page"),
        (once, "'</page> Note!'"),
        (lambda page: injection.between_marks(re.sub("[<>]", "", page)), "harmless"),
    ],
}
test_mistakes_get_their_diagnosis = mistakes_are_diagnosed(checks, MISTAKES)


def test_the_vulnerable_start_is_not_yet_right(fresh_home) -> None:
    for name, vulnerable, mended in (
        ("log_in", firewall.log_in, safe),
        ("may_send", lambda to, request, page: True, gate),
        ("between_marks", "<page>\n{}\n</page>".format, injection.between_marks),
    ):
        check = getattr(checks, name)
        assert check(vulnerable).status == "Not yet" and check(mended).passed
