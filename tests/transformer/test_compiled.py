"""Compiled where a compiler is there, the model itself where not."""

import pytest
import torch

from course_lib.transformer.compiled import compiled
from course_lib.transformer.model import Config, MiniGPT

TINY = Config(20, "falcon", 16, 1, 2, n_kv_heads=1, block_size=8, bias=False)


def test_without_a_compiler_the_model_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    model = MiniGPT(TINY)

    def broken(_: torch.nn.Module) -> object:
        def called(_: torch.Tensor) -> None:
            raise RuntimeError("no C++ compiler was found")

        return called

    monkeypatch.setattr(torch, "compile", broken)
    assert compiled(model, 2, 4) is model
    assert capfd.readouterr() == ("", "")


def test_with_one_its_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = MiniGPT(TINY), []
    monkeypatch.setattr(
        torch, "compile", lambda one: lambda ids: seen.append(ids.shape) or one(ids)
    )
    ids = torch.randint(0, 20, (2, 4))
    torch.testing.assert_close(compiled(model, 2, 4)(ids), model(ids))
    assert seen == [(2, 4), (2, 4)]
