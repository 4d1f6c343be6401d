"""The test of a notebook's exercises, made from a table of wrong answers."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType

import pytest


def mistakes_are_diagnosed(checks: ModuleType, mistakes: Mapping[str, Sequence[tuple]]) -> Callable:
    """A test: by exercise, typical wrong answers, each with a part of its own diagnosis."""
    rows = [(name, *row) for name, answers in mistakes.items() for row in answers]

    @pytest.mark.parametrize(("name", "answer", "diagnosis"), rows)
    def test(name: str, answer: object, diagnosis: str, fresh_home: object) -> None:
        result = getattr(checks, name)(answer)
        assert result.status == "Look again" and diagnosis in result.message, result

    return test
