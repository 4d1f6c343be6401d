"""Attribution against loops, sums that come out, and hooks that leave nothing behind."""

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from course_lib.security import attribution


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, vocab_size=50)
    return LlamaForCausalLM(
        LlamaConfig(**shape, num_attention_heads=4, num_key_value_heads=2, initializer_range=0.4)
    ).eval()


def parts(model: LlamaForCausalLM) -> tuple:
    table = model.get_input_embeddings().weight.detach()
    return attribution.next_token(model, 7), table[torch.tensor([[3, 14, 15, 9]])], table.mean(0)


def test_occlusion_covers_one_token_after_the_other(model: LlamaForCausalLM) -> None:
    score, embeds, baseline = parts(model)
    found = attribution.occlusion(score, embeds, baseline)
    with torch.no_grad():
        whole = model(inputs_embeds=embeds).logits[0, -1].log_softmax(-1)[7]
        for place in range(4):
            covered = embeds.clone()
            covered[0, place] = baseline
            alone = model(inputs_embeds=covered).logits[0, -1].log_softmax(-1)[7]
            assert found[place] == pytest.approx(float(whole - alone), abs=1e-4)


def test_integrated_gradients_are_complete(model: LlamaForCausalLM) -> None:
    score, embeds, baseline = parts(model)
    debts = []
    for steps in (2, 20, 200):
        found, debt = attribution.integrated_gradients(score, embeds, baseline, steps)
        with torch.no_grad():
            whole = score(embeds) - score(baseline.expand_as(embeds))
        assert float(found.sum()) + debt == pytest.approx(float(whole), abs=1e-3)
        debts.append(abs(debt))
    assert debts[2] < 0.05 and debts[2] < debts[0]


def test_changed_layers_are_changed_and_then_as_before(model: LlamaForCausalLM) -> None:
    ids = torch.tensor([[3, 14, 15, 9]])
    way = torch.nn.functional.normalize(torch.randn(32), dim=0)
    with torch.no_grad():
        before = model(ids).logits
        change = lambda state: state - (state @ way)[..., None] * way  # noqa: E731
        with attribution.changed(model.model.layers, change):
            inside = model(ids, output_hidden_states=True)
        for state in inside.hidden_states[1:-1]:
            assert (state @ way).abs().max() < 1e-4
        assert not torch.allclose(inside.logits, before)
        with pytest.raises(ZeroDivisionError), attribution.changed(model.model.layers, change):
            raise ZeroDivisionError
        assert model(ids).logits.equal(before)


def test_last_states_do_not_depend_on_company(tiny_llama) -> None:
    model = LlamaForCausalLM.from_pretrained(tiny_llama).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}|{% endfor %}"
    talks = [[{"role": "user", "content": text}] for text in ("the table", "the page on the desk")]
    both = attribution.last_states(model, tokenizer, talks)
    assert both.shape == (3, 2, 128)
    for place, talk in enumerate(talks):
        alone = attribution.last_states(model, tokenizer, [talk])
        torch.testing.assert_close(both[:, place], alone[:, 0], rtol=1e-3, atol=1e-3)
    way = attribution.difference(both[:, :1], both[:, 1:])
    assert way[1:].norm(dim=-1).tolist() == pytest.approx([1.0] * 2, abs=1e-4)
    assert ((both[1:, 0] - both[1:, 1]) * way[1:]).sum(-1).min() > 0
