"""Checkpoints of a training run: one safetensors file, no pickle.

Model, optimiser state and the state of the random generators are tensors; the rest (history,
settings) is JSON in the file's header.
"""

import json
from collections import defaultdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.workbook.atomic import atomic_write


def save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    facts: dict,
) -> None:
    """Write atomically: an earlier checkpoint is replaced only when the new one is whole.

    facts   what ``load`` gives back; its ``config`` must be the same then
    """
    facts = {**facts, "optimizer": type(optimizer).__name__}
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    tensors["random.generator"] = generator.get_state()
    tensors["random.torch"] = torch.get_rng_state()
    # Clones: tied weights share memory, which the format refuses.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    try:
        with atomic_write(path) as temporary:
            save_file(tensors, temporary, metadata={"facts": json.dumps(facts)})
    except (OSError, SafetensorError) as error:
        raise CourseError(
            f"The checkpoint {path.name} could not be written ({error}): free some disk space, "
            "then go on; the model in memory is unharmed."
        ) from error


def load(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    config: dict,
) -> dict:
    """Put everything back as it was and return the facts. Nothing is changed if the file is bad.

    Raises ``CourseError`` for a file that is damaged, or that another model, another optimiser or
    other settings than ``config`` made.
    """
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "random": {}}
    states: dict[int, dict[str, Tensor]] = defaultdict(dict)  # as the optimiser wants them
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            for name in file.keys():  # noqa: SIM118
                part, key = name.split(".", 1)
                # A clone: what stays mapped to the file keeps Windows from replacing it later.
                parts[part][key] = file.get_tensor(name).clone()
        for name, value in parts["optimizer"].items():
            index, key = name.split(".")
            states[int(index)][key] = value
        random_states = parts["random"]["generator"], parts["random"]["torch"]
        saved, made_by = facts["config"], facts["optimizer"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"The checkpoint {path.name} is damaged or was cut short: delete it and train again."
        ) from error
    other = [f"{name}={saved.get(name)!r}" for name in config if saved.get(name) != config[name]]
    problem = ""
    if _shapes(parts["model"]) != _shapes(model.state_dict()):
        problem = "a model of another shape: build the model as it was"
    elif made_by != type(optimizer).__name__ or not _fit(states, optimizer):
        problem = f"another optimiser, {made_by}: take that one"
    elif other:
        problem = f"a run with {', '.join(other)}: take the same settings"
    if problem:
        raise CourseError(
            f"The checkpoint {path.name} is of {problem}, or delete the file and train again."
        )
    model.load_state_dict(parts["model"])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": dict(states), "param_groups": groups})
    generator.set_state(random_states[0])
    torch.set_rng_state(random_states[1])
    return facts


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _fit(states: dict[int, dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> bool:
    """Whether each state is a number, or has the shape of its parameter."""
    shapes = [p.shape for group in optimizer.param_groups for p in group["params"]]
    return all(
        value.ndim == 0 or [value.shape] == shapes[index : index + 1]
        for index, state in states.items()
        for value in state.values()
    )
