"""Checkpoints of a training run: one safetensors file, no pickle.

Model, optimiser state and the state of the random generators are tensors; the rest (history,
scalars) is JSON in the file's header.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from course_lib.errors import CourseError


def save(
    path: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    random_states: dict[str, torch.Tensor],
    facts: dict,
) -> None:
    """Write atomically: an earlier checkpoint is replaced only when the new one is whole.

    random_states   the states of the run's own ``generator`` and of ``torch``'s global one
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in state.items()
        }
    tensors |= {f"random.{name}": state for name, state in random_states.items()}
    # Clones: tied weights share memory, which the format refuses.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    path = Path(path)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, temporary, metadata={"facts": json.dumps(facts)})
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise CourseError(
            f"The checkpoint {path.name} could not be written ({error}): free some disk space, "
            "then go on; the model in memory is unharmed."
        ) from error


def load(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> dict:
    """Put everything back as it was and return the facts. Nothing is changed if the file is bad."""
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"The checkpoint {path.name} is damaged or was cut short: delete it and train again."
        ) from error
    weights = {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    expected = {name: value.shape for name, value in model.state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != expected:
        raise CourseError(
            f"The checkpoint {path.name} belongs to a model of another shape: "
            "build the model as it was, or delete the file and train again."
        )
    model.load_state_dict(weights)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    generator.set_state(tensors["random.generator"])
    torch.set_rng_state(tensors["random.torch"])
    facts["evaluations"] = [tuple(pair) for pair in facts["evaluations"]]
    return facts
