"""Only models of this disk are attacked."""

import pytest

from course_lib.errors import CourseError
from course_lib.security.target import answer, load_target, require_target


def test_a_folder_is_a_target(tiny_llama) -> None:
    target = load_target(model=tiny_llama)
    assert require_target(target) is target
    turn = [{"role": "user", "content": "Hello"}]
    if target.tokenizer.chat_template:
        assert len(answer(target, [turn, turn], 2)) == 2


@pytest.mark.parametrize("other", ["https://example.com/v1", object()])
def test_nothing_else_is(other) -> None:
    with pytest.raises(CourseError, match="load_target"):
        require_target(other)


def test_a_model_of_the_hub_is_refused() -> None:
    with pytest.raises(CourseError, match="not on this disk"):
        load_target(model="owner/model")
