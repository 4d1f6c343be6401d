"""Loading models: those that ship in ``assets/models``, a folder, or the hub, through one call."""

import os
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY

FOLDER = REPOSITORY / "assets" / "models"


def find_model(name: str | os.PathLike) -> tuple[str, bool]:
    """Where a model is: (folder or hub name, True when it is a folder here).

    ``name`` is a shipped model, a folder, or ``owner/name`` on the hub.
    """
    for folder in (FOLDER / str(name), Path(name)):
        if (folder / "config.json").is_file():
            return str(folder), True
    if Path(name).exists() or str(name).count("/") != 1 or str(name).startswith(("/", ".")):
        raise CourseError(
            f"There is no model {str(name)!r} here: give one that ships with the course "
            f"({_shipped()}), a folder with a config.json, or a name like owner/model on the hub."
        )
    return str(name), False


def load_model(name: str | os.PathLike, **options: Any) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, in evaluation mode.

    name      see ``find_model``
    options   passed to ``AutoModelForCausalLM.from_pretrained`` (``dtype``, ``device_map``, …)

    Weights are read from safetensors only, and no code from outside is run. Raises
    ``CourseError`` with one sentence when the model is damaged or cannot be fetched.
    """
    place, here = find_model(name)
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

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
        raise CourseError(_cause(str(name), here, error)) from error
    finally:
        logging.enable_progress_bar()
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
        f"or take a model that ships with the course ({_shipped()})."
    )


def _shipped() -> str:
    """Names of the models that come with the course."""
    return ", ".join(sorted(path.parent.name for path in FOLDER.glob("*/config.json")))
