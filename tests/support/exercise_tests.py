"""The two tests of every notebook's exercises, made from tables of answers."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import pytest


def solutions_pass(checks: ModuleType, solutions: Mapping[str, object]) -> Callable:
    """A test: by exercise, the solution is right, and the stub is not yet done."""

    @pytest.mark.parametrize("name", solutions)
    def test(name: str, fresh_home: object) -> None:
        check, right = getattr(checks, name), solutions[name]
        assert check(right, solution=True).passed
        assert check((lambda *_: None) if callable(right) else ...).status == "Not yet"

    return test


def mistakes_are_diagnosed(checks: ModuleType, mistakes: Mapping[str, Sequence[tuple]]) -> Callable:
    """A test: by exercise, typical wrong answers, each with a part of its own diagnosis."""
    rows = [(name, *row) for name, answers in mistakes.items() for row in answers]

    @pytest.mark.parametrize(("name", "answer", "diagnosis"), rows)
    def test(name: str, answer: object, diagnosis: str, fresh_home: object) -> None:
        result = getattr(checks, name)(answer)
        assert result.status == "Look again" and diagnosis in result.message, result

    return test
