"""The same weights give the logits of transformers; Muon and AdamW as one optimiser."""

import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, BertConfig, FalconConfig, GPT2Config, LlamaConfig

from course_lib.errors import CourseError
from course_lib.history.neural import causal_mask
from course_lib.transformer.attention import attend, attend_fused, make_attention_mask
from course_lib.transformer.convert import config_of, from_falcon, from_gpt2, from_llama
from course_lib.transformer.interpret import attention_maps, logit_lens
from course_lib.transformer.model import Config, KVCache, MiniGPT
from course_lib.transformer.optimizer import ADAMW_LR_SCALE, MuonAndAdamW
from course_lib.transformer.scaling import GPT3, gpu_hours, parameter_count, training_flops
from course_lib.workbook.evaluate import next_token_loss as loss
from course_lib.workbook.training import TrainingConfig, train


def shaken(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Random weights everywhere, norms and biases too: zeros would hide mistakes."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def pour(theirs: torch.nn.Module) -> MiniGPT:
    kinds = {"gpt2": from_gpt2, "falcon": from_falcon, "llama": from_llama}
    return kinds[theirs.config.model_type](theirs)


def drawn(seed: int) -> torch.nn.Module:
    """A GPT-2, Llama or Falcon (old or new) whose sizes and choices are drawn by chance."""
    rng = random.Random(seed)
    heads, depth = rng.choice([1, 2, 3, 4, 6]), rng.choice([2, 4, 8, 10])
    width, layers, epsilon = heads * depth, rng.randint(1, 4), 10.0 ** rng.randint(-7, -4)
    inner, theta = rng.choice([None, width, 3 * width, 7]), rng.choice([100.0, 10_000.0, 500_000.0])
    few = rng.choice([n for n in (1, 2, 3, heads) if heads % n == 0])
    shape = dict(vocab_size=97, hidden_size=width, num_hidden_layers=layers)
    shape |= dict(num_attention_heads=heads, max_position_embeddings=40)
    rope = dict(rope_parameters={"rope_type": "default", "rope_theta": theta})
    kind = rng.choice(["gpt2", "llama", "multi-query", "one key a head", "new"])
    norm = dict(layer_norm_epsilon=epsilon)
    if kind == "gpt2":
        config = GPT2Config(**shape, **norm, n_inner=inner)
    elif kind == "llama":
        own = dict(num_key_value_heads=few, rms_norm_eps=epsilon, tie_word_embeddings=True)
        config = LlamaConfig(**shape, **rope, **own, intermediate_size=inner or 5 * width)
    else:
        own = dict(num_kv_heads=few, num_ln_in_parallel_attn=rng.choice([1, 2]))
        own = own if kind == "new" else dict(multi_query=kind == "multi-query")
        own |= dict(new_decoder_architecture=kind == "new", alibi=False, parallel_attn=True)
        own |= dict(bias=rng.random() < 0.5, ffn_hidden_size=inner)
        config = FalconConfig(**shape, **rope, **norm, **own)
    return shaken(AutoModelForCausalLM.from_config(config), seed)


@pytest.mark.parametrize("seed", range(40))
@torch.no_grad()
def test_logits_and_parameters_of_random_shapes(seed: int) -> None:
    theirs = drawn(seed)
    ours = pour(theirs)
    ids, cache = torch.randint(0, 97, (2, 15)), KVCache()
    expected = theirs(ids).logits
    torch.testing.assert_close(ours(ids), expected, atol=1e-4, rtol=0)
    parts = [ours(ids[:, start:end], cache=cache) for start, end in ((0, 6), (6, 7), (7, 15))]
    torch.testing.assert_close(torch.cat(parts, 1), expected, atol=1e-4, rtol=0)
    assert len(cache) == 15
    assert parameter_count(config_of(theirs.config)).total == theirs.num_parameters()
    assert sum(parameter.numel() for parameter in ours.parameters()) == theirs.num_parameters()


WRONG = [dict(kind="falcom"), dict(d_model=10, n_heads=3), dict(n_heads=4, n_kv_heads=3)]
WRONG += [dict(kind=kind, d_model=12, n_heads=4) for kind in ("falcon", "llama")]


@pytest.mark.parametrize("wrong", [*WRONG, dict(n_layers=0)])
def test_a_shape_that_no_model_has_is_refused(wrong: dict) -> None:
    with pytest.raises(CourseError):
        Config(**{"vocab_size": 50, **wrong})


@pytest.mark.parametrize("kind", ["gpt", "falcon", "llama"])
def test_a_text_longer_than_the_block_size_is_refused(kind: str) -> None:
    model, cache = MiniGPT(Config(50, kind, 16, 1, block_size=8)), KVCache()
    model(torch.zeros(1, 8, dtype=torch.long), cache=cache)
    for given, past in ((9, None), (1, cache)):
        with pytest.raises(CourseError, match="at most 8 tokens"):
            model(torch.zeros(1, given, dtype=torch.long), cache=past)


FOREIGN = {
    "falcon, untied": FalconConfig(tie_word_embeddings=False),
    "falcon, another curve": FalconConfig(activation="relu"),
    "falcon, alibi": FalconConfig(alibi=True),
    "falcon, sequential": FalconConfig(parallel_attn=False),
    "falcon, two norms": FalconConfig(num_ln_in_parallel_attn=2),
    "falcon, stretched positions": FalconConfig(
        rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10_000.0}
    ),
    "llama, untied": LlamaConfig(),
    "llama, another width of heads": LlamaConfig(tie_word_embeddings=True, head_dim=96),
    "gpt2, untied": GPT2Config(tie_word_embeddings=False),
    "gpt2, another curve": GPT2Config(activation_function="relu"),
    "gpt2, scaled by layer": GPT2Config(scale_attn_by_inverse_layer_idx=True),
    "gpt2, not scaled": GPT2Config(scale_attn_weights=False),
    "bert": BertConfig(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_it_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(CourseError, match="this model has"):
        config_of(FOREIGN[name])


@pytest.mark.parametrize("seed", range(12))
def test_weights_are_copied_and_keep_their_type(seed: int) -> None:
    theirs = drawn(seed).to(torch.bfloat16)
    before = {key: weight.clone() for key, weight in theirs.state_dict().items()}
    for parameter in pour(theirs).parameters():
        assert parameter.dtype == torch.bfloat16 and parameter.is_contiguous()
        torch.nn.init.zeros_(parameter)
    assert all(torch.equal(weight, before[key]) for key, weight in theirs.state_dict().items())


@pytest.mark.parametrize("seed", range(25))
@torch.no_grad()
def test_left_padding_changes_nothing_for_the_real_tokens(seed: int) -> None:
    theirs = drawn(seed)
    ours, ids = pour(theirs), torch.randint(0, 97, (2, 11))
    real = torch.ones(2, 11, dtype=torch.bool)
    real[1, :4] = False
    positions = (real.long().cumsum(1) - 1).clamp(min=0)
    padded = ours(ids, attention_mask=real)
    expected = theirs(ids, attention_mask=real.long(), position_ids=positions).logits
    torch.testing.assert_close(padded[real], expected[real], atol=1e-4, rtol=0)
    torch.testing.assert_close(padded[1, 4:], ours(ids[1:, 4:])[0], atol=1e-4, rtol=0)
    assert torch.isfinite(padded).all()
    cache = KVCache()
    first = ours(ids[:, :7], attention_mask=real[:, :7], cache=cache)
    rest = ours(ids[:, 7:], attention_mask=real, cache=cache)
    torch.testing.assert_close(torch.cat([first, rest], 1)[real], padded[real], atol=1e-4, rtol=0)


@pytest.fixture(params=["gpt", "falcon", "llama"])
def model(request) -> MiniGPT:
    torch.manual_seed(0)
    few = {"falcon": 1, "llama": 2}.get(request.param)
    return MiniGPT(Config(50, request.param, 16, 3, 4, n_kv_heads=few)).eval()


def test_fused_and_written_attention_agree() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 4, 7, 8, dtype=torch.float64) for _ in range(3))
    written, weights = attend(query, key, value, causal_mask(7, 7))
    torch.testing.assert_close(attend_fused(query, key, value, None), written)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 7, dtype=torch.float64))
    real = torch.tensor([[False, False, True, True, True, True, True], [True] * 7])
    mask = make_attention_mask(7, 7, real)
    assert not attend(query, key, value, mask)[1][0, :, 2:, :2].any()
    few = torch.randn(2, 2, 2, 7, 8, dtype=torch.float64)
    each = few.repeat_interleave(2, 2)  # heads 0 and 1 look at the first, 2 and 3 at the second
    for states in ((key, value), few):
        fused = attend_fused(query, *states, mask)
        torch.testing.assert_close(fused, attend(query, *states, mask)[0])
    torch.testing.assert_close(fused, attend_fused(query, *each, mask))


def test_gpt3s_operations_are_those_of_its_paper() -> None:
    """3.14e23 (Brown et al. 2020, appendix D)."""
    assert training_flops(parameter_count(GPT3).total, 300e9) == pytest.approx(3.14e23, rel=0.01)
    assert gpu_hours(3_600e12, 2e12, utilization=0.5) == 1.0


def test_maps_sum_to_one_look_back_and_change_nothing_and_the_last_lens_is_the_output(
    model: MiniGPT,
) -> None:
    ids = torch.randint(0, 50, (9,))
    plain, maps = model(ids[None]), attention_maps(model, ids)
    assert maps.shape == (3, 4, 9, 9) and not maps.triu(1).any()
    torch.testing.assert_close(maps.sum(-1), torch.ones(3, 4, 9))
    for block in model.blocks:
        assert not block.attention.keep_weights and block.attention.weights is None
        block.attention.keep_weights = True
    torch.testing.assert_close(model(ids[None]), plain, atol=1e-5, rtol=1e-5)
    token_ids, probs = logit_lens(model, ids)
    assert token_ids.shape == probs.shape == (4, 9)
    assert torch.equal(token_ids[-1], plain[0].argmax(-1))


# --- Muon and AdamW as one optimiser ---
SHAPE = Config(20, "gpt", d_model=16, n_layers=2, n_heads=2, block_size=16)
CONFIG = TrainingConfig(12, 0.02, lr_scheduler_type="wsd", warmup_ratio=0.2)


def new_model(seed: int = 0) -> MiniGPT:
    torch.manual_seed(seed)
    return MiniGPT(SHAPE)


def draw(generator: torch.Generator) -> Tensor:
    return torch.randint(0, 20, (2, 9), generator=generator)


def test_every_parameter_is_trained_once() -> None:
    own = new_model()
    optimizer = MuonAndAdamW(own, CONFIG)
    trained = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(trained) == sorted(map(id, own.parameters()))
    muon = {id(p) for p in optimizer.parts[0].param_groups[0]["params"]}
    assert id(own.embedding.weight) not in muon and id(own.blocks[0].mlp.up_proj.weight) in muon
    assert id(own.blocks[0].mlp.up_proj.bias) not in muon


def test_each_part_gets_its_learning_rate() -> None:
    seen: dict[str, list[float]] = {"muon": [], "adam": []}

    class Watched(MuonAndAdamW):
        def step(self) -> None:
            seen["muon"].append(self.parts[0].param_groups[0]["lr"])
            seen["adam"].append(self.parts[1].param_groups[0]["lr"])
            super().step()

    train(new_model(), draw, loss, CONFIG, make_optimizer=Watched)
    assert max(seen["muon"]) == 0.02 and seen["muon"][-1] < 0.02
    assert seen["adam"] == pytest.approx([ADAMW_LR_SCALE * rate for rate in seen["muon"]])


def test_an_interrupted_run_ends_like_a_whole_one(tmp_path) -> None:
    whole, stopped, fresh = new_model(), new_model(), new_model(seed=1)
    train(whole, draw, loss, CONFIG, make_optimizer=MuonAndAdamW)
    config = replace(CONFIG, checkpoint_path=tmp_path / "run.safetensors", save_steps=5)
    calls = []

    def stops(model: MiniGPT, rows: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("the power is gone")
        return loss(model, rows)

    with pytest.raises(RuntimeError):
        train(stopped, draw, stops, config, make_optimizer=MuonAndAdamW)
    with pytest.raises(CourseError, match="another optimi"):
        train(fresh, draw, loss, config, resume=True)
    history = train(fresh, draw, loss, config, make_optimizer=MuonAndAdamW, resume=True)
    assert history.steps == 12
    for one, other in zip(whole.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("seed", range(3))
def test_it_learns(seed: int) -> None:
    """Each token decides the next one: (n + 3) modulo 20."""

    def rows(generator: torch.Generator) -> Tensor:
        return (torch.randint(0, 20, (8, 1), generator=generator) + 3 * torch.arange(9)) % 20

    config = TrainingConfig(80, 0.02, seed=seed)
    history = train(new_model(seed), rows, loss, config, make_optimizer=MuonAndAdamW)
    assert history.losses[-1] < 0.5 * history.losses[0]
