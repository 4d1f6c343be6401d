"""The same weights in transformers' models and in ours: GPT-2 and Falcon, both ways for Falcon.

Falcon keeps queries, keys and values in one matrix. Its rows lie in groups, one a key head: the
queries of the group, then its key, then its value. Multi-query attention is one single group.
"""

import torch
from torch import Tensor
from transformers import FalconConfig, FalconForCausalLM, GPT2LMHeadModel, PretrainedConfig

from course_lib.errors import CourseError
from course_lib.transformer.model import Config, MiniGPT

# What MiniGPT has of a configuration's choices; with any other the same weights would mean something else.
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
_FALCON_NAMES = {
    "attention.o_proj": "self_attention.dense",
    "mlp.up_proj": "mlp.dense_h_to_4h",
    "mlp.down_proj": "mlp.dense_4h_to_h",
}
_QKV = ("q_proj", "k_proj", "v_proj")


def config_of(theirs: PretrainedConfig) -> Config:
    """Our description of a GPT-2 or Falcon configuration. Raises ``CourseError`` for what ``MiniGPT`` lacks."""
    if lacking := _lacking(theirs):
        raise CourseError(
            f"MiniGPT is GPT-2, or Falcon with rotary positions and parallel blocks; this model has {lacking}: "
            "use it as transformers has it, or load another one."
        )
    if theirs.model_type == "gpt2":
        return Config(
            theirs.vocab_size,
            "gpt",
            theirs.n_embd,
            theirs.n_layer,
            theirs.n_head,
            block_size=theirs.n_positions,
            intermediate_size=theirs.n_inner,
            layer_norm_epsilon=theirs.layer_norm_epsilon,
        )
    if theirs.new_decoder_architecture:
        n_kv_heads = theirs.num_kv_heads
    else:
        n_kv_heads = 1 if theirs.multi_query else theirs.num_attention_heads
    rope = _rope(theirs)
    return Config(
        theirs.vocab_size,
        "falcon",
        theirs.hidden_size,
        theirs.num_hidden_layers,
        theirs.num_attention_heads,
        n_kv_heads=n_kv_heads,
        block_size=theirs.max_position_embeddings,
        intermediate_size=theirs.ffn_hidden_size,
        num_ln_in_parallel_attn=_num_norms(theirs),
        bias=theirs.bias,
        rope_theta=float(rope.get("rope_theta", getattr(theirs, "rope_theta", 10_000.0))),
        layer_norm_epsilon=theirs.layer_norm_epsilon,
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


def _num_norms(theirs: FalconConfig) -> int:
    """The larger models have a norm for attention and one for the MLP; the number may be left open."""
    if not theirs.new_decoder_architecture:
        return 1
    return getattr(theirs, "num_ln_in_parallel_attn", None) or 2


def from_gpt2(theirs: GPT2LMHeadModel) -> MiniGPT:
    """Our model with the weights of a GPT-2. Its layers store matrices the other way round (``Conv1D``)."""
    model = MiniGPT(config_of(theirs.config))
    old, new = theirs.state_dict(), {}
    new["embedding.weight"], new["positions.weight"] = (
        old["transformer.wte.weight"],
        old["transformer.wpe.weight"],
    )
    for kind in ("weight", "bias"):
        new[f"norm.{kind}"] = old[f"transformer.ln_f.{kind}"]
        for layer in range(model.config.n_layers):
            mine, other = f"blocks.{layer}.", f"transformer.h.{layer}."
            turn = (lambda part: part.T) if kind == "weight" else (lambda part: part)
            three = turn(old[f"{other}attn.c_attn.{kind}"]).chunk(3)
            for name, part in zip(_QKV, three, strict=True):
                new[f"{mine}attention.{name}.{kind}"] = part
            new[f"{mine}attention.o_proj.{kind}"] = turn(old[f"{other}attn.c_proj.{kind}"])
            new[f"{mine}mlp.up_proj.{kind}"] = turn(old[f"{other}mlp.c_fc.{kind}"])
            new[f"{mine}mlp.down_proj.{kind}"] = turn(old[f"{other}mlp.c_proj.{kind}"])
            new[f"{mine}norm.{kind}"] = old[f"{other}ln_1.{kind}"]
            new[f"{mine}mlp_norm.{kind}"] = old[f"{other}ln_2.{kind}"]
    return _filled(model, new)


def from_falcon(theirs: FalconForCausalLM) -> MiniGPT:
    """Our model with the weights of a Falcon, old or new decoder architecture."""
    model = MiniGPT(config_of(theirs.config))
    config, old, new = model.config, theirs.state_dict(), {}
    new["embedding.weight"] = old["transformer.word_embeddings.weight"]
    for kind in ("weight", "bias"):
        new[f"norm.{kind}"] = old[f"transformer.ln_f.{kind}"]
        for layer in range(config.n_layers):
            mine, other = f"blocks.{layer}.", f"transformer.h.{layer}."
            for ours, name in _norm_names(config).items():
                new[f"{mine}{ours}.{kind}"] = old[f"{other}{name}.{kind}"]
            if kind == "bias" and not config.bias:
                continue
            parts = split_fused(old[f"{other}self_attention.query_key_value.{kind}"], config)
            for name, part in zip(_QKV, parts, strict=True):
                new[f"{mine}attention.{name}.{kind}"] = part
            for ours, name in _FALCON_NAMES.items():
                new[f"{mine}{ours}.{kind}"] = old[f"{other}{name}.{kind}"]
    return _filled(model, new)


def to_falcon(model: MiniGPT, theirs: FalconConfig) -> FalconForCausalLM:
    """A Falcon of transformers with our weights. ``theirs`` must describe the same shape."""
    if config_of(theirs) != model.config:
        raise CourseError(f"The configurations differ: {config_of(theirs)} and {model.config}.")
    config, old, new = model.config, model.state_dict(), {}
    new["transformer.word_embeddings.weight"] = new["lm_head.weight"] = old["embedding.weight"]
    for kind in ("weight", "bias"):
        new[f"transformer.ln_f.{kind}"] = old[f"norm.{kind}"]
        for layer in range(config.n_layers):
            mine, other = f"blocks.{layer}.", f"transformer.h.{layer}."
            for ours, name in _norm_names(config).items():
                new[f"{other}{name}.{kind}"] = old[f"{mine}{ours}.{kind}"]
            if kind == "bias" and not config.bias:
                continue
            parts = [old[f"{mine}attention.{name}.{kind}"] for name in _QKV]
            new[f"{other}self_attention.query_key_value.{kind}"] = join_fused(parts, config)
            for ours, name in _FALCON_NAMES.items():
                new[f"{other}{name}.{kind}"] = old[f"{mine}{ours}.{kind}"]
    falcon = FalconForCausalLM(theirs)
    falcon.load_state_dict(new)
    return falcon


def _norm_names(config: Config) -> dict[str, str]:
    if config.num_ln_in_parallel_attn == 2:
        return {"norm": "ln_attn", "mlp_norm": "ln_mlp"}
    return {"norm": "input_layernorm"}


def split_fused(fused: Tensor, config: Config) -> tuple[Tensor, Tensor, Tensor]:
    """Falcon's one matrix (or bias) as queries, keys and values."""
    head_dim, groups = config.head_dim, config.n_kv_heads
    rows = fused.view(groups, config.n_heads // groups + 2, head_dim, *fused.shape[1:])
    return tuple(
        part.reshape(-1, *fused.shape[1:]) for part in (rows[:, :-2], rows[:, -2], rows[:, -1])
    )


def join_fused(parts: list[Tensor], config: Config) -> Tensor:
    """The way back."""
    head_dim, groups = config.head_dim, config.n_kv_heads
    rest = parts[0].shape[1:]
    rows = [part.view(groups, -1, head_dim, *rest) for part in parts]
    return torch.cat(rows, 1).reshape(-1, *rest)


def _filled(model: MiniGPT, weights: dict[str, Tensor]) -> MiniGPT:
    model.load_state_dict({name: weight.float() for name, weight in weights.items()})
    return model.eval()
