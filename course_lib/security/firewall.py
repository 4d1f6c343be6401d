"""A login, a firewall of rules before it, and an agent that learns to get past: all in memory.

Only the database, the **oracle**, knows whether a request *means* a break-in. Rewriting until it
passes: Demetrio and others 2020, 2001.01952; by reward: Amouei and others 2021, 2312.07885.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from course_lib.security.target import read

INJECTION = "ada' OR 1=1 --"
STEPS = 3  # rewrites a request gets, one after the other
REWRITES: dict[str, Callable[[str], str]] = {
    "leave as it is": lambda text: text,
    "small letters": lambda text: text.replace("OR", "or"),
    "comments for blanks": lambda text: text.replace(" ", "/**/"),
    "another truth": lambda text: text.replace("1=1", "TRUE"),
    "another comment": lambda text: text.replace("--", "/*"),
    "no OR": lambda text: re.sub(r"(?i)\bor\b.*?(?=--|/\*$)", "", text),
    "no comment": lambda text: re.sub(r"(?i)(\bor\b).*", r"\1 '1", text),
    "percent signs": lambda text: text.replace("'", "%27"),
    "bars": lambda text: text.replace("OR", "||"),
}
# What a defender adds, round by round, each time after seeing what came through.
RULES = (r"OR 1=1", r"(?i)\bor\s+1", r"(?i)\bor\b.*(=|true|>)", r"--", r"/\*", r"'")


def make_database() -> sqlite3.Connection:
    """Forty honest customers; some of their names and passwords look strange. It is in memory."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE users (name TEXT, password TEXT)")
    database.executemany("INSERT INTO users VALUES (?, ?)", read("logins").items())
    return database


def log_in(database: sqlite3.Connection, name: str, password: str) -> bool:
    """The vulnerable one: what was typed is pasted into the command."""
    command = f"SELECT name FROM users WHERE name = '{name}' AND password = '{password}'"
    try:
        return database.execute(command).fetchone() is not None
    except sqlite3.Error:  # it became no command at all
        return False


def passes(text: str, rules: Sequence[str]) -> bool:
    """Whether no rule finds anything in what was typed."""
    return not any(re.search(rule, text) for rule in rules)


def rewritten(names: Sequence[str]) -> str:
    """The injection after these rewrites, one after the other."""
    text = INJECTION
    for name in names:
        text = REWRITES[name](text)
    return text


def every_request() -> list[str]:
    """The injection after all choices of ``STEPS`` rewrites: few enough to look at each."""
    return [rewritten(names) for names in product(REWRITES, repeat=STEPS)]


def learn(
    rules: Sequence[str], oracle: bool = True, batches: int = 60, seed: int = 0
) -> tuple[list[float], list[str]]:
    """REINFORCE (Williams 1992): mean reward of each batch of 25 requests, then 200 more requests.

    A request that passes the rules is worth 1, with the ``oracle`` only if it still opens the door.
    """
    rng, database, texts = np.random.default_rng(seed), make_database(), every_request()
    worth = [passes(t, rules) and (not oracle or log_in(database, t, "wrong")) for t in texts]
    logits, curve = np.zeros((STEPS, len(REWRITES))), []

    def draw(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        powers = np.exp(logits - logits.max(1, keepdims=True))
        probs = powers / powers.sum(1, keepdims=True)
        actions = (rng.random((number, STEPS, 1)) > probs.cumsum(1)[:, :-1]).sum(2)
        return probs, actions, actions @ len(REWRITES) ** np.arange(STEPS)[::-1]  # which request

    for _ in range(batches):
        probs, actions, numbers = draw(25)
        rewards = np.array(worth, float)[numbers]
        slopes = np.eye(len(REWRITES))[actions] - probs  # ∇ log π: (25, steps, rewrites)
        logits += 0.16 * np.einsum("n,nsr->sr", rewards - rewards.mean(), slopes)
        curve.append(float(rewards.mean()))
    return curve, [texts[n] for n in draw(200)[2]]
