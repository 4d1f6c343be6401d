"""The same weights in transformers' models and in ours: GPT-2, Falcon and Llama.

Falcon keeps queries, keys and values in one matrix. Its rows lie in groups, one a key head: the
queries of the group, then its key, then its value. Multi-query attention is one single group.
Weights keep their number type, and are copied once.
"""

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor
from transformers import FalconForCausalLM, GPT2LMHeadModel, LlamaForCausalLM, PretrainedConfig

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
    "llama": {
        "hidden_act": ("silu",),
        "tie_word_embeddings": (True,),  # the large ones have a last layer of their own
        "attention_bias": (False,),
        "mlp_bias": (False,),
    },
}
# Our part → theirs: around the layers, and in each. Three that go to the same are one matrix
# there, in which our three follow one another.
_OUTER = {
    "gpt": {"embedding": "wte", "positions": "wpe", "norm": "ln_f", "blocks": "h"},
    "falcon": {"embedding": "word_embeddings", "norm": "ln_f", "blocks": "h"},
    "llama": {"embedding": "embed_tokens", "norm": "norm", "blocks": "layers"},
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
    "llama": {
        **{f"attention.{name}_proj": f"self_attn.{name}_proj" for name in "qkvo"},
        **{f"mlp.{name}_proj": f"mlp.{name}_proj" for name in ("gate", "up", "down")},
        "norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm",
    },
}
_FALCON_NORMS = {1: {"norm": "input_layernorm"}, 2: {"norm": "ln_attn", "mlp_norm": "ln_mlp"}}


def config_of(theirs: PretrainedConfig) -> Config:
    """Our description of a GPT-2, Falcon or Llama configuration.

    Raises ``CourseError`` for what ``MiniGPT`` lacks.
    """
    if lacking := _lacking(theirs):
        raise CourseError(
            "MiniGPT is GPT-2, Falcon with rotary positions and parallel blocks, or a Llama whose "
            "last layer is its embedding; this model has "
            f"{lacking}: use it as transformers has it, or load another one."
        )
    shape = dict(
        vocab_size=theirs.vocab_size,
        d_model=theirs.hidden_size,
        n_layers=theirs.num_hidden_layers,
        n_heads=theirs.num_attention_heads,
        block_size=theirs.max_position_embeddings,
        layer_norm_epsilon=getattr(theirs, "layer_norm_epsilon", None) or theirs.rms_norm_eps,
    )
    if theirs.model_type == "gpt2":
        return Config(kind="gpt", intermediate_size=theirs.n_inner, **shape)
    rope = getattr(theirs, "rope_parameters", None) or vars(theirs)  # inside it since version 5
    shape["rope_theta"] = float(rope.get("rope_theta", 10_000.0))
    if theirs.model_type == "llama":
        inner, few = theirs.intermediate_size, theirs.num_key_value_heads
        return Config(kind="llama", n_kv_heads=few, intermediate_size=inner, **shape)
    new = theirs.new_decoder_architecture
    num_ln = getattr(theirs, "num_ln_in_parallel_attn", None) or 2  # the number may be left open
    return Config(
        kind="falcon",
        n_kv_heads=theirs.num_kv_heads if new else 1 if theirs.multi_query else None,
        intermediate_size=theirs.ffn_hidden_size,
        num_ln_in_parallel_attn=num_ln if new else 1,
        bias=theirs.bias,
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
    depth = theirs.hidden_size // theirs.num_attention_heads
    if (getattr(theirs, "head_dim", None) or depth) != depth:
        return f"head_dim={theirs.head_dim}"
    kind = (getattr(theirs, "rope_parameters", None) or {}).get("rope_type", "default")
    return "" if kind == "default" else f"rotary positions of type {kind!r}"


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


def from_llama(theirs: LlamaForCausalLM) -> MiniGPT:
    """Our model with the weights of a Llama; SmolLM2 is one."""
    return _pour(config_of(theirs.config), theirs.state_dict(), tuple)


def parts_of(model: MiniGPT) -> dict[str, list[str]]:
    """The tensors of ours that each tensor of theirs holds: one, or queries, keys and values."""
    config, names = model.config, defaultdict(list)
    inner, outer = _LAYER[config.kind], _OUTER[config.kind]
    trunk = "model" if config.kind == "llama" else "transformer"
    if config.kind == "falcon":
        inner = inner | _FALCON_NORMS[config.num_ln_in_parallel_attn]
    for ours in model.state_dict():  # blocks.0.mlp_norm.weight, or norm.weight
        part, weight_or_bias = ours.rsplit(".", 1)
        if part.startswith("blocks."):
            blocks, layer, part = part.split(".", 2)
            theirs = f"{outer[blocks]}.{layer}.{inner[part]}"
        else:
            theirs = outer[part]
        names[f"{trunk}.{theirs}.{weight_or_bias}"].append(ours)
    return names


def _pour(config: Config, state: dict[str, Tensor], split: Callable) -> MiniGPT:
    """Our model with their weights; ``split`` makes three of queries, keys and values in one."""
    with torch.device("meta"):  # a shape without memory
        model, weights = MiniGPT(config), {}
    for name, ours in parts_of(model).items():
        parts = [state[name]] if len(ours) == 1 else split(state[name])
        for part, weight in zip(ours, parts, strict=True):
            weights[part] = weight.clone(memory_format=torch.contiguous_format)
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _split_fused(fused: Tensor, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    """Falcon's one matrix (or bias) as queries, keys and values."""
    groups, rest = config.n_kv_heads, fused.shape[1:]
    rows = fused.view(groups, config.n_heads // groups + 2, config.head_dim, *rest)
    return tuple(part.reshape(-1, *rest) for part in (rows[:, :-2], rows[:, -2], rows[:, -1]))
