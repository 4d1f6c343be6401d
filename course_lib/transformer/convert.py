"""The same weights in transformers' models and in ours: GPT-2 and Falcon, both ways for Falcon.

Falcon keeps queries, keys and values in one matrix. Its rows lie in groups, one a key head: the
queries of the group, then its key, then its value. Multi-query attention is one single group.
"""

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor
from transformers import FalconConfig, FalconForCausalLM, GPT2LMHeadModel, PretrainedConfig

from course_lib.errors import CourseError
from course_lib.transformer.model import Config, MiniGPT

# What MiniGPT has of a configuration's choices; any other would give the weights another meaning.
_KNOWN = {
    "gpt2": {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "tie_word_embeddings": (True,),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
    "falcon": {"activation": ("gelu",), "tie_word_embeddings": (True,), "alibi": (False,)},
}
# Our part → theirs: around the layers, and in each. Three that go to the same are one matrix
# there, in which our three follow one another.
_OUTER = {
    "gpt": {"embedding": "wte", "positions": "wpe", "norm": "ln_f"},
    "falcon": {"embedding": "word_embeddings", "norm": "ln_f"},
}
_QKV = ("attention.q_proj", "attention.k_proj", "attention.v_proj")
_LAYER = {
    "gpt": {
        **dict.fromkeys(_QKV, "attn.c_attn"),
        "attention.o_proj": "attn.c_proj",
        "mlp.up_proj": "mlp.c_fc",
        "mlp.down_proj": "mlp.c_proj",
        "norm": "ln_1",
        "mlp_norm": "ln_2",
    },
    "falcon": {
        **dict.fromkeys(_QKV, "self_attention.query_key_value"),
        "attention.o_proj": "self_attention.dense",
        "mlp.up_proj": "mlp.dense_h_to_4h",
        "mlp.down_proj": "mlp.dense_4h_to_h",
    },
}
_FALCON_NORMS = {1: {"norm": "input_layernorm"}, 2: {"norm": "ln_attn", "mlp_norm": "ln_mlp"}}


def config_of(theirs: PretrainedConfig) -> Config:
    """Our description of a GPT-2 or Falcon configuration.

    Raises ``CourseError`` for what ``MiniGPT`` lacks.
    """
    if lacking := _lacking(theirs):
        raise CourseError(
            "MiniGPT is GPT-2, or Falcon with rotary positions and parallel blocks; this model has "
            f"{lacking}: use it as transformers has it, or load another one."
        )
    shape = dict(
        vocab_size=theirs.vocab_size,
        d_model=theirs.hidden_size,
        n_layers=theirs.num_hidden_layers,
        n_heads=theirs.num_attention_heads,
        block_size=theirs.max_position_embeddings,
        layer_norm_epsilon=theirs.layer_norm_epsilon,
    )
    if theirs.model_type == "gpt2":
        return Config(kind="gpt", intermediate_size=theirs.n_inner, **shape)
    new = theirs.new_decoder_architecture
    num_ln = getattr(theirs, "num_ln_in_parallel_attn", None) or 2  # the number may be left open
    return Config(
        kind="falcon",
        n_kv_heads=theirs.num_kv_heads if new else 1 if theirs.multi_query else None,
        intermediate_size=theirs.ffn_hidden_size,
        num_ln_in_parallel_attn=num_ln if new else 1,
        bias=theirs.bias,
        rope_theta=float(_rope(theirs).get("rope_theta", getattr(theirs, "rope_theta", 10_000.0))),
        **shape,
    )


def _lacking(theirs: PretrainedConfig) -> str:
    """What the configuration asks for and ``MiniGPT`` does not have; an empty text if nothing."""
    if theirs.model_type not in _KNOWN:
        return f"model type {theirs.model_type!r}"
    for name, known in _KNOWN[theirs.model_type].items():
        if getattr(theirs, name, known[0]) not in known:
            return f"{name}={getattr(theirs, name)!r}"
    if theirs.model_type == "falcon" and not theirs.new_decoder_architecture:
        if not theirs.parallel_attn:
            return "parallel_attn=False"
        if getattr(theirs, "num_ln_in_parallel_attn", None) == 2:
            return "two norms in the old decoder architecture"
    kind = _rope(theirs).get("rope_type", "default")
    return "" if kind == "default" else f"rotary positions of type {kind!r}"


def _rope(theirs: PretrainedConfig) -> dict:
    return getattr(theirs, "rope_parameters", None) or {}


def from_gpt2(theirs: GPT2LMHeadModel) -> MiniGPT:
    """Our model with the weights of a GPT-2, whose layers store a matrix the other way round."""
    state = {
        name: weight.T if weight.ndim == 2 and ".h." in name else weight
        for name, weight in theirs.state_dict().items()
    }
    return _pour(config_of(theirs.config), state, lambda fused: fused.chunk(3))


def from_falcon(theirs: FalconForCausalLM) -> MiniGPT:
    """Our model with the weights of a Falcon, old or new decoder architecture."""
    config = config_of(theirs.config)
    return _pour(config, theirs.state_dict(), lambda fused: _split_fused(fused, config))


def to_falcon(model: MiniGPT, theirs: FalconConfig) -> FalconForCausalLM:
    """A Falcon of transformers with our weights. ``theirs`` must describe the same shape."""
    config, state = model.config, model.state_dict()
    if config_of(theirs) != config:
        raise CourseError(f"The configurations differ: {config_of(theirs)} and {config}.")
    new = {"lm_head.weight": state["embedding.weight"]}
    for name, ours in _names(model).items():
        parts = [state[part] for part in ours]
        new[name] = parts[0] if len(parts) == 1 else _join_fused(parts, config)
    falcon = FalconForCausalLM(theirs)
    falcon.load_state_dict(new)
    return falcon


def _names(model: MiniGPT) -> dict[str, list[str]]:
    """The tensors of ours that each tensor of theirs holds: one, or queries, keys and values."""
    config, names = model.config, defaultdict(list)
    inner = _LAYER[config.kind]
    if config.kind == "falcon":
        inner = inner | _FALCON_NORMS[config.num_ln_in_parallel_attn]
    for ours in model.state_dict():  # blocks.0.mlp_norm.weight, or norm.weight
        part, weight_or_bias = ours.rsplit(".", 1)
        if part.startswith("blocks."):
            _, layer, part = part.split(".", 2)
            theirs = f"h.{layer}.{inner[part]}"
        else:
            theirs = _OUTER[config.kind][part]
        names[f"transformer.{theirs}.{weight_or_bias}"].append(ours)
    return names


def _pour(config: Config, state: dict[str, Tensor], split: Callable) -> MiniGPT:
    """Our model with their weights; ``split`` makes three of queries, keys and values in one."""
    model, weights = MiniGPT(config), {}
    for name, ours in _names(model).items():
        parts = [state[name]] if len(ours) == 1 else split(state[name])
        weights |= {part: weight.float() for part, weight in zip(ours, parts, strict=True)}
    model.load_state_dict(weights)
    return model.eval()


def _split_fused(fused: Tensor, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    """Falcon's one matrix (or bias) as queries, keys and values."""
    groups, rest = config.n_kv_heads, fused.shape[1:]
    rows = fused.view(groups, config.n_heads // groups + 2, config.head_dim, *rest)
    return tuple(part.reshape(-1, *rest) for part in (rows[:, :-2], rows[:, -2], rows[:, -1]))


def _join_fused(parts: list[Tensor], config: Config) -> Tensor:
    """The way back."""
    rest = parts[0].shape[1:]
    rows = [part.view(config.n_kv_heads, -1, config.head_dim, *rest) for part in parts]
    return torch.cat(rows, 1).reshape(-1, *rest)
