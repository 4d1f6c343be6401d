"""Loading a base model to fine-tune: the one place that knows the libraries' traps.

- transformers from 5.5 on puts only plain ``nn.Linear`` into 4 bits, and Falcon's layers are a class
  of their own: ``load_in_4bit`` then loads 16-bit weights and says nothing. See ``quantisable``.
- bitsandbytes on processors with AVX512-BF16 repacks weights when it evaluates, and later steps lose
  most of their gradient. See ``keep_packing``.
- bitsandbytes on a CPU takes wrong scales for rows that end within a block. Such models get our layer.
- transformers maps the weight files and keeps all of them open: see ``unmapped``.
- A padding token that is also the end of text teaches a model never to stop. See ``choose_padding``.

Whatever was asked for, ``verify`` looks afterwards whether it is there.
"""

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.errors import CourseError
from course_lib.finetuning.memory import LAYERS, estimate, measured, what_fits
from course_lib.finetuning.nf4 import BLOCK
from course_lib.finetuning.nf4_linear import NF4Linear, quantise_layers
from course_lib.transformer.convert import config_of
from course_lib.transformer.scaling import FALCON_7B
from course_lib.workbook.machine import Machine, gigabytes, look
from course_lib.workbook.models import find_model, load_model

SMALL, LARGE = "mini-falcon", "tiiuae/falcon-7b"
CLOSE = 0.02


@dataclass
class Base:
    """A loaded base. ``bits_by``: who keeps it in 4 bits: ``bitsandbytes``, ``course`` or "" (nobody)."""

    model: Any
    tokenizer: Any
    name: str
    bits_by: str
    layers: list[str]

    @property
    def public_name(self) -> str:
        """Its name for others. Of a folder here only the last part: the rest of its path is nobody's business."""
        return Path(self.name).name if Path(self.name).exists() else self.name


def has_bitsandbytes() -> bool:
    """Whether it is installed; nothing is imported."""
    return importlib.util.find_spec("bitsandbytes") is not None


def compute_type(machine: Machine) -> torch.dtype:
    """What to compute in: bf16 where a GPU has it, fp16 on older ones (a T4), fp32 on a CPU."""
    return {"native": torch.bfloat16, "emulated": torch.float16, "": torch.float32}[machine.bf16]


def choose_name(machine: Machine, free: int | None, hub: bool) -> str:
    """Falcon-7B where a GPU has room (``free`` bytes) to fine-tune it and the hub answers; else mini-falcon."""
    fits = free is not None and estimate(FALCON_7B, "qlora").total < 0.9 * free
    return LARGE if machine.gpu_name and fits and hub else SMALL


def load_base(
    name: str = "auto",
    four_bit: bool = True,
    *,
    dtype: torch.dtype | None = None,
    own: bool = False,
) -> Base:
    """A Falcon ready to be adapted, frozen, in evaluation mode, and its tokenizer.

    name      ``auto``, a shipped model, a folder, or a name on the hub
    four_bit  linear layers in NF4, scales in 8 bits
    dtype     what to compute in; see ``compute_type``
    own       our layer even where bitsandbytes is installed

    Raises ``CourseError`` when the model does not fit on the GPU (before anything large is fetched),
    cannot be loaded, or is not afterwards what was asked for.
    """
    machine, free = look(), _free_gpu_memory()
    name = choose_name(machine, free, _hub_answers()) if name == "auto" else str(name)
    config = read_config(name)
    if config.model_type != "falcon":
        raise CourseError(
            f"{name} is a {config.model_type}: give a Falcon, this page's layers carry its names."
        )
    config_of(config)  # a Falcon whose memory cannot be reckoned is refused before it is loaded
    if free is not None:
        check_room(name, config, four_bit, free)
    dtype = dtype or compute_type(machine)
    theirs = four_bit and not own and has_bitsandbytes() and (free is not None or rows_fit(config))
    device = "cpu" if free is None or (four_bit and not theirs) else _own_gpu()
    options = {"quantization_config": four_bit_settings(dtype)} if theirs else {}
    if theirs or device != "cpu":
        options["device_map"] = {"": device}
    with quantisable(), unmapped():
        model, tokenizer = load_model(name, dtype=dtype, **options)
    layers = linear_layers(model)
    if four_bit and not theirs:  # made small here first: only then is there room for it on the card
        quantise_layers(model, layers)
        model.to("cpu" if free is None else _own_gpu())
    keep_packing(model)
    model.requires_grad_(False)
    choose_padding(model, tokenizer)
    base = Base(
        model, tokenizer, name, ("bitsandbytes" if theirs else "course") if four_bit else "", layers
    )
    if four_bit:
        verify(base)
    return base


def read_config(name: str) -> Any:
    """The configuration alone, a few kilobytes."""
    from transformers import AutoConfig

    place, here = find_model(name)
    try:
        return AutoConfig.from_pretrained(place, **({"local_files_only": True} if here else {}))
    except Exception as error:
        if any(
            sign in f"{type(error).__name__} {error}" for sign in ("Gated", "gated", "401", "403")
        ):
            raise CourseError(
                f"{name} is gated: accept its licence on the hub and log in with `hf auth login`."
            ) from error
        raise CourseError(
            f"The configuration of {name} cannot be read ({type(error).__name__}): check the name and the network, "
            f"or take {SMALL}, which ships with the course."
        ) from error


def check_room(name: str, config: Any, four_bit: bool, free: int) -> None:
    """Raise before a download that could not be used. ``free``: bytes on the GPU."""
    shape = config_of(config)
    need = estimate(shape, "qlora" if four_bit else "lora").total
    if need > free:
        fits = what_fits(shape, free)
        rest = (
            f"what fits is {' and '.join(fits)}"
            if fits
            else f"take a smaller model, for example {SMALL}"
        )
        raise CourseError(
            f"Fine-tuning {name} needs about {gigabytes(need)} of GPU memory and {gigabytes(free)} are free: {rest}."
        )


def four_bit_settings(dtype: torch.dtype) -> Any:
    """transformers' settings for NF4 with double quantisation (Dettmers et al. 2023)."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


@contextlib.contextmanager
def quantisable() -> Iterator[None]:
    """Within, a Falcon is built of plain ``nn.Linear``, the only class that is put into 4 bits."""
    from transformers.models.falcon import modeling_falcon

    theirs = modeling_falcon.FalconLinear
    modeling_falcon.FalconLinear = nn.Linear
    try:
        yield
    finally:
        modeling_falcon.FalconLinear = theirs


@contextlib.contextmanager
def unmapped() -> Iterator[None]:
    """Within, transformers reads the weight files tensor by tensor instead of mapping them whole.

    The pages of a mapped file count as the process's memory until the system wants them back: for
    Falcon-7B 14 GB more than the model needs.
    """
    from transformers import modeling_utils

    theirs = modeling_utils.safe_open
    modeling_utils.safe_open = lambda *given, **named: theirs(
        *given, **{**named, "backend": "pread"}
    )
    try:
        yield
    finally:
        modeling_utils.safe_open = theirs


def rows_fit(config: Any) -> bool:
    """Whether every row of every layer is whole blocks."""
    return config.hidden_size % BLOCK == 0 and config.ffn_hidden_size % BLOCK == 0


def keep_packing(model: nn.Module) -> None:
    """Forbid bitsandbytes to repack weights in place when it evaluates on a CPU."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def linear_layers(model: nn.Module) -> list[str]:
    """Full names of the four linear layers of every block: what goes into 4 bits, and what is adapted."""
    return [name for name, _ in model.named_modules() if name.rsplit(".", 1)[-1] in LAYERS]


def choose_padding(model: Any, tokenizer: Any) -> int:
    """Give the tokenizer a padding token that is not the end of text, without a new row in the embedding."""
    end = tokenizer.eos_token_id
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == end:
        special = [
            number
            for number in tokenizer.all_special_ids
            if number not in (end, tokenizer.bos_token_id)
        ]
        other = (
            special[-1]
            if special
            else next(n for n in range(len(tokenizer) - 1, -1, -1) if n != end)
        )
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(other)
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return tokenizer.pad_token_id


def is_four_bit(module: nn.Module) -> bool:
    """Whether a layer really keeps its weight in 4 bits."""
    return isinstance(module, NF4Linear) or getattr(module.weight, "quant_state", None) is not None


def verify(base: Base) -> None:
    """Look whether every linear layer is in 4 bits and the bytes are those of ``memory``; raise if not."""
    wide = [name for name in base.layers if not is_four_bit(base.model.get_submodule(name))]
    config = config_of(base.model.config)
    if wide or len(base.layers) != 4 * config.n_layers:
        raise CourseError(
            f"{len(base.layers) - len(wide)} of {4 * config.n_layers} linear layers of {base.name} are in 4 bits: "
            "transformers or bitsandbytes differ from what the course knows; install the versions of requirements.lock."
        )
    found, expected = measured(base.model), estimate(config, "inference in 4 bits")
    for part in ("linear", "scales"):
        have, want = getattr(found, part), getattr(expected, part)
        if abs(have - want) > CLOSE * want:
            raise CourseError(
                f"{base.name} in 4 bits should hold {want:,} bytes of {part} and holds {have:,}: your transformers or "
                "bitsandbytes differ from those the course knows; install the versions of requirements.lock."
            )


def _free_gpu_memory() -> int | None:
    return torch.cuda.mem_get_info(_own_gpu())[0] if torch.cuda.is_available() else None


def _own_gpu() -> int:
    """The card of this process: under ``torchrun`` each holds a whole copy on its own."""
    from accelerate import PartialState

    return PartialState().local_process_index


def _hub_answers() -> bool:
    """Asked only where a GPU could make use of the answer."""
    if not torch.cuda.is_available():
        return False
    from huggingface_hub import HfApi

    try:
        return bool(HfApi().model_info(LARGE, timeout=5))
    except Exception:  # offline, blocked, gated: all the same here
        return False
