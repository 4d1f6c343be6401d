"""Loading models through one call: the course's by name, a folder, or the hub's."""

import os
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.workbook import smollm2
from course_lib.workbook.machine import look
from course_lib.workbook.settings import models_folder

FOLDER = REPOSITORY / "assets" / "models"
NAMES = ("smollm2", "mini-falcon", "falcon-7b")  # of the set-up, the repository, the hub


def find_model(name: str | os.PathLike) -> tuple[str, bool]:
    """Where a model is: (folder or hub name, True when it is a folder here).

    ``name`` is one of ``NAMES``, a folder, or ``owner/name`` on the hub.
    """
    homes = (models_folder() / "smollm2", FOLDER / "mini-falcon", "tiiuae/falcon-7b")
    place = dict(zip(NAMES, homes, strict=True)).get(str(name), name)
    if str(name) == "smollm2" and not smollm2.is_ready():
        raise CourseError(
            "SmolLM2 is not here yet: start `python3 -m course_lib lab` where there is a network, "
            "or take it from the hub by the name HuggingFaceTB/SmolLM2-135M-Instruct."
        )
    if str(name) == "falcon-7b" and not look().gpu_name:
        raise CourseError("falcon-7b wants a GPU and there is none here: take smollm2.")
    if (Path(place) / "config.json").is_file():
        return str(place), True
    if Path(place).exists() or str(place).count("/") != 1 or str(place).startswith(("/", ".")):
        raise CourseError(
            f"There is no model {str(name)!r} here: give one of the course's ({', '.join(NAMES)}), "
            "a folder with a config.json, or a name like owner/model on the hub."
        )
    return str(place), False


def load_model(name: str | os.PathLike, **options: Any) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, in evaluation mode.

    name      see ``find_model``
    options   passed to ``AutoModelForCausalLM.from_pretrained`` (``device_map``, …); the usual
              ``dtype`` is fp32 for mini-falcon, a folder's own, else ``Machine.number_type``

    Weights are read from safetensors only, and no code from outside is run. Raises
    ``CourseError`` with one sentence when the model is damaged or cannot be fetched.
    """
    place, here = find_model(name)
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    fast = str(name) == "smollm2" or not here
    stored = "float32" if str(name) == "mini-falcon" else "auto"
    options.setdefault("dtype", look().number_type if fast else stored)
    common = {"local_files_only": True} if here else {}
    if here:  # a bar for weights that are there in a second is only noise; a download keeps its own
        logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **common)
        model, report = AutoModelForCausalLM.from_pretrained(
            place, use_safetensors=True, output_loading_info=True, **common, **options
        )
        if report["missing_keys"]:
            raise ValueError(f"the weights lack {', '.join(sorted(report['missing_keys']))}")
    except Exception as error:  # the libraries raise many kinds for the same few causes
        raise CourseError(_cause(place, here, error)) from error
    finally:
        logging.enable_progress_bar()
    head = model.get_output_embeddings()  # a CPU takes ten times as long for slices in 16 bits
    head.register_forward_pre_hook(lambda _, args: (args[0].contiguous(), *args[1:]))
    return model.eval(), tokenizer


def _cause(name: str, here: bool, error: Exception) -> str:
    """One sentence for what went wrong and what to do."""
    text, kind = " ".join(str(error).split()), type(error).__name__
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return f"{name} does not fit into memory: close other programs or take a smaller model."
    if here:
        return (
            f"The model in {name} cannot be loaded ({kind}: {text[:150]}): its files are damaged, "
            "incomplete or not in the safetensors format; fetch them again."
        )
    if "gated" in text.lower() or "401" in text or "403" in text:
        return f"{name} is gated: accept its licence on the hub and log in with `hf auth login`."
    return (
        f"{name} could not be fetched from the hub ({kind}): check the name and the network, "
        f"or take one of the course's models ({', '.join(NAMES)})."
    )
