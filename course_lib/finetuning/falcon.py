"""Loading a base model to fine-tune: the one place that knows the libraries' traps.

- transformers from 5.5 on puts only plain ``nn.Linear`` into 4 bits, and Falcon's layers are a
  class of their own: ``load_in_4bit`` then loads 16-bit weights, silently. See ``quantizable``.
- bitsandbytes on processors with AVX512-BF16 repacks weights when it evaluates, and later steps
  lose most of their gradient. See ``keep_packing``.
- bitsandbytes on a CPU takes wrong scales for rows that end within a block. Our layer does not.
- transformers maps the weight files and keeps all of them open: see ``unmapped``.
- Padding that is also the end of text teaches a model never to stop. See ``choose_padding``.

Whatever was asked for, ``verify`` looks afterwards whether it is there.
"""

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from accelerate import PartialState
from huggingface_hub import HfApi
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig, modeling_utils
from transformers.models.falcon import modeling_falcon

from course_lib.errors import CourseError
from course_lib.finetuning.memory import estimate, four_bit_bytes, linear_layers, measured
from course_lib.finetuning.nf4 import BLOCKSIZE, NF4Linear, dequantize, quantize_layers
from course_lib.transformer.scaling import FALCON_7B
from course_lib.workbook.machine import Machine, gigabytes, look
from course_lib.workbook.models import find_model, load_model

SMALL, SPEAKING, LARGE = "mini-falcon", "smollm2", "falcon-7b"
MAX_DIFFERENCE = 0.02
# What reads well; the likeliest token each time sends a small model round in circles.
VERSE = dict(do_sample=True, top_p=0.9, top_k=40, temperature=0.8, repetition_penalty=1.1)
GAINS = 50_000_000  # parameters from which on a CPU gains by fewer bits and by several threads
ROOM = 2 * 10**9  # bytes that unpacked weights may take
RECIPE = {"batch_size": 4, "seq_length": 512}  # how Falcon-7B is fine-tuned in notebook 05
RESERVE, FETCHED = 2 * 10**9, 16 * 10**9  # bytes: for libraries and gaps on a GPU; files on a disk


@dataclass
class Base:
    """A loaded base. ``quantized_by``: ``bitsandbytes``, ``course`` or "" (not in 4 bits)."""

    model: Any
    tokenizer: Any
    name: str
    quantized_by: str
    layers: list[str]


def has_bitsandbytes() -> bool:
    """Whether it is installed; nothing is imported."""
    return importlib.util.find_spec("bitsandbytes") is not None


def compute_type(machine: Machine, num_parameters: int = 0) -> torch.dtype:
    """What is fast here; on a CPU fp32 for a model too small to gain by fewer bits."""
    small = machine.gpu_name is None and num_parameters < GAINS
    return torch.float32 if small else getattr(torch, machine.number_type)


def why_not_large() -> str:
    """What keeps this machine from fine-tuning Falcon-7B as RECIPE says, in words; "": nothing."""
    need, free = estimate(FALCON_7B, "qlora", **RECIPE).total + RESERVE, _free_gpu_memory()
    if free is None:
        return "there is no GPU here"
    if free < need:
        return f"it needs {gigabytes(need)} of GPU memory, of which {gigabytes(free)} are free"
    if look().disk_free < FETCHED:
        return f"it needs {gigabytes(FETCHED)} of disk for its files: make room first"
    return "" if _hub_answers() else "the hub, where its files are, does not answer"


def load_base(
    name: str,
    four_bit: bool = True,
    *,
    dtype: torch.dtype | None = None,
    use_bitsandbytes: bool = True,
) -> Base:
    """A model ready to be adapted, frozen, in evaluation mode, and its tokenizer.

    name               what ``load_model`` takes
    four_bit           linear layers in NF4, scales in 8 bits
    dtype              what to compute in; see ``compute_type``
    use_bitsandbytes   False: our layer even where bitsandbytes is installed

    Raises ``CourseError`` when the model does not fit on the GPU (before anything large is
    fetched), cannot be loaded, or is not afterwards what was asked for.
    """
    machine, free, name = look(), _free_gpu_memory(), str(name)
    shape = read_shape(name)
    linear = [shape.get_submodule(layer) for layer in linear_layers(shape)]
    inside = sum(layer.weight.numel() for layer in linear)
    dtype = dtype or compute_type(machine, shape.num_parameters())
    need = shape.num_parameters() * dtype.itemsize
    need -= inside * dtype.itemsize - sum(four_bit_bytes([inside])) if four_bit else 0
    if free is not None and need > free:
        raise CourseError(
            f"The weights of {name} need {gigabytes(need)} of GPU memory and {gigabytes(free)} "
            f"are free: take a smaller model, for example {SMALL}, or four_bit=True."
        )
    # On a CPU bitsandbytes wants rows of whole blocks.
    fits = free is not None or not any(layer.in_features % BLOCKSIZE for layer in linear)
    theirs = four_bit and use_bitsandbytes and has_bitsandbytes() and fits
    device = "cpu" if free is None or (four_bit and not theirs) else _own_gpu()
    options = {"quantization_config": four_bit_settings(dtype)} if theirs else {}
    if theirs or device != "cpu":
        options["device_map"] = {"": device}
    with quantizable(), unmapped():
        model, tokenizer = load_model(name, dtype=dtype, **options)
    layers = linear_layers(model)
    if four_bit and not theirs:  # made small here first: only then is there room for it on the GPU
        quantize_layers(model, layers)
        model.to("cpu" if free is None else _own_gpu())
    keep_packing(model)
    model.requires_grad_(False)
    choose_padding(model, tokenizer)
    quantized_by = ("bitsandbytes" if theirs else "course") if four_bit else ""
    base = Base(model, tokenizer, name, quantized_by, layers)
    if four_bit:
        verify(base)
    return base


def read_shape(name: str) -> Any:
    """The model without weights: of the files only the configuration is read, a few kilobytes."""
    place, here = find_model(name)
    try:
        config = AutoConfig.from_pretrained(place, **({"local_files_only": True} if here else {}))
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except Exception as error:
        raise CourseError(
            f"The configuration of {name} cannot be read ({type(error).__name__}): check name and "
            "network; a gated model wants its licence accepted on the hub, and `hf auth login`."
        ) from error


def four_bit_settings(dtype: torch.dtype) -> Any:
    """transformers' settings for NF4 with double quantisation (Dettmers et al. 2023)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def quantizable() -> Any:
    """Within, a Falcon is built of plain ``nn.Linear``, the only class that is put into 4 bits."""
    return mock.patch.object(modeling_falcon, "FalconLinear", nn.Linear)


def unmapped() -> Any:
    """Within, transformers reads the weight files tensor by tensor instead of mapping them whole.

    The pages of a mapped file count as the process's memory until the system wants them back: for
    Falcon-7B 14 GB more than the model needs.
    """
    theirs = modeling_utils.safe_open

    def safe_open(*args: Any, **options: Any) -> Any:
        return theirs(*args, **{**options, "backend": "pread"})

    return mock.patch.object(modeling_utils, "safe_open", safe_open)


def keep_packing(model: nn.Module) -> None:
    """Forbid bitsandbytes to repack weights in place when it evaluates on a CPU."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def choose_padding(model: Any, tokenizer: Any) -> int:
    """Give the tokenizer a padding token that is not the end of text, without a new embedding."""
    end = tokenizer.eos_token_id
    if tokenizer.pad_token_id in (None, end):
        special = [n for n in tokenizer.all_special_ids if n not in (end, tokenizer.bos_token_id)]
        other = [*(n for n in range(len(tokenizer)) if n != end), *special][-1]
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(other)
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return tokenizer.pad_token_id


def dequantized(layer: nn.Linear, dtype: torch.dtype) -> nn.Linear:
    """An ordinary layer with the values that a 4-bit one computes with."""
    if isinstance(layer, NF4Linear):
        weight = dequantize(layer.quantized, dtype)
    else:
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(dtype)
    plain = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
    plain.weight = nn.Parameter(weight, requires_grad=False)
    if layer.bias is not None:
        plain.bias = nn.Parameter(layer.bias.data.to(dtype), requires_grad=False)
    return plain


@contextlib.contextmanager
def unpacked(model: Any) -> Iterator[None]:
    """Within, on a CPU, 4-bit weights are unpacked once, not for each token, if there is ROOM."""
    packed = [m for m in model.modules() if isinstance(m, nn.Linear) and is_four_bit(m)]
    need = sum(m.in_features * m.out_features for m in packed) * model.dtype.itemsize
    with contextlib.ExitStack() as stack:
        for layer in packed if model.device.type == "cpu" and need < ROOM else ():
            forward = dequantized(layer, model.dtype).forward
            stack.enter_context(mock.patch.object(layer, "forward", forward))
        yield


@torch.no_grad()
def continue_ids(model: Any, input_ids: Tensor, max_new_tokens: int, **options: Any) -> list:
    """Tokens after (batch, time) ids: the likeliest, or drawn with a ``seed`` as ``options`` say.

    A list for each row. The model's mode and the random state stay.
    """
    was_training, mask = model.training, torch.ones_like(input_ids)
    options = {"do_sample": False, "pad_token_id": model.config.pad_token_id, **options}
    with torch.random.fork_rng(), unpacked(model):
        torch.manual_seed(options.pop("seed", 0))
        options |= {"attention_mask": mask, "max_new_tokens": max_new_tokens}
        out = model.eval().generate(input_ids, **options)
    model.train(was_training)
    return out[:, input_ids.shape[1] :].tolist()


def write(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_new_tokens: int = 32,
    count: int = 1,
    **options: Any,
) -> list[str]:
    """``count`` texts that follow a prompt, drawn as in ``VERSE``, or as ``options`` say."""
    ids = tokenizer(prompt, add_special_tokens=False).input_ids or [tokenizer.eos_token_id]
    given = torch.tensor([ids] * count, device=model.device)
    rows = continue_ids(model, given, max_new_tokens, **(options or VERSE))
    return tokenizer.batch_decode(rows, skip_special_tokens=True)


def is_four_bit(module: nn.Module) -> bool:
    """Whether a layer really keeps its weight in 4 bits."""
    return isinstance(module, NF4Linear) or getattr(module.weight, "quant_state", None) is not None


def verify(base: Base) -> None:
    """Raise unless every linear layer is in 4 bits and the bytes are those of the arithmetic."""
    layers = [base.model.get_submodule(name) for name in base.layers]
    four, found = sum(map(is_four_bit, layers)), measured(base.model)
    want = sum(four_bit_bytes([layer.in_features * layer.out_features for layer in layers]))
    want += sum(layer.bias.nbytes for layer in layers if layer.bias is not None)
    have = found.linear + found.scales
    if four < len(layers) or not layers or abs(have - want) > MAX_DIFFERENCE * want:
        raise CourseError(
            f"The linear layers of {base.name} are not as they should be: {four} of {len(layers)} "
            f"are in 4 bits, {have:,} bytes instead of {want:,}. Install transformers and "
            "bitsandbytes as in requirements.lock: yours are not those we know."
        )


def _free_gpu_memory() -> int | None:
    return torch.cuda.mem_get_info(_own_gpu())[0] if torch.cuda.is_available() else None


def _own_gpu() -> int:
    """The GPU of this process: under ``torchrun`` each holds a whole copy on its own."""
    return PartialState().local_process_index


def _hub_answers() -> bool:
    """Asked only where a GPU could make use of the answer."""
    try:
        return torch.cuda.is_available() and bool(
            HfApi().model_info(find_model(LARGE)[0], timeout=5)
        )
    except Exception:  # offline, blocked, gated: all the same here
        return False
