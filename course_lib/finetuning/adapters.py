"""An adapter put on a model, fresh or from a folder, without the warning that peft's question causes."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Within, peft may ask for a name that transformers is about to drop."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        yield


def fresh(model: Any, config: LoraConfig) -> PeftModel:
    """A new adapter, to be trained."""
    with quietly():
        return get_peft_model(model, config)


def attach(model: Any, folder: Path | str) -> PeftModel:
    """The adapter that ``save_pretrained`` wrote to ``folder``, in evaluation mode."""
    with quietly():
        return PeftModel.from_pretrained(model, str(folder)).eval()


def save(model: PeftModel, folder: Path, base_name: str) -> None:
    """Write the adapter to ``folder``, with ``base_name`` for its base in place of a path on this disk."""
    config = model.peft_config["default"]
    path = config.base_model_name_or_path
    config.base_model_name_or_path = base_name
    try:
        # No embedding was trained; else peft would look up the base's name on the hub to find out.
        model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
    finally:
        config.base_model_name_or_path = path
