"""Looking inside: what is shown is what the model computes."""

import pytest
import torch

from course_lib.transformer.interpret import attention_maps, logit_lens
from course_lib.transformer.model import Config, MiniGPT


@pytest.fixture(params=["gpt", "falcon"])
def model(request: pytest.FixtureRequest) -> MiniGPT:
    torch.manual_seed(0)
    return MiniGPT(
        Config(40, request.param, 16, 3, 4, n_kv_heads=1 if request.param == "falcon" else None)
    ).eval()


def test_attention_maps_are_rows_that_sum_to_one_and_look_back(model: MiniGPT) -> None:
    ids = torch.randint(0, 40, (9,))
    maps = attention_maps(model, ids)
    assert maps.shape == (3, 4, 9, 9)
    torch.testing.assert_close(maps.sum(-1), torch.ones(3, 4, 9))
    assert not maps.triu(1).any()
    for block in model.blocks:
        assert not block.attention.keep_weights and block.attention.weights is None


def test_keeping_weights_changes_no_output(model: MiniGPT) -> None:
    ids = torch.randint(0, 40, (1, 9))
    plain = model(ids)
    for block in model.blocks:
        block.attention.keep_weights = True
    torch.testing.assert_close(model(ids), plain, atol=1e-5, rtol=1e-5)


def test_the_last_lens_is_the_output(model: MiniGPT) -> None:
    ids = torch.randint(0, 40, (7,))
    lens = logit_lens(model, ids)
    assert lens.token_ids.shape == lens.probs.shape == (4, 7)
    assert torch.equal(lens.token_ids[-1], model(ids[None])[0].argmax(-1))
