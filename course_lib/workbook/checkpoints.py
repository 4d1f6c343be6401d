"""Checkpoints of a training run: one safetensors file, no pickle.

Model, optimiser state and the state of the random generators are tensors; the rest (history,
settings) is JSON in the file's header.
"""

import json
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
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            # Clones: what stays mapped to the file keeps Windows from replacing it later.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        random_states = [tensors.pop(f"random.{name}") for name in ("generator", "torch")]
        weights = {name[6:]: value for name, value in tensors.items() if name[:6] == "model."}
        states = _optimizer_states(tensors)
        saved, made_by = facts["config"], facts["optimizer"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"The checkpoint {path.name} is damaged or was cut short: delete it and train again."
        ) from error
    expected = {name: value.shape for name, value in model.state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != expected:
        raise CourseError(
            f"The checkpoint {path.name} belongs to a model of another shape: "
            "build the model as it was, or delete the file and train again."
        )
    if made_by != type(optimizer).__name__ or not _fit(states, optimizer):
        raise CourseError(
            f"The checkpoint {path.name} was written with the optimiser {made_by}, which divided the "
            "parameters in its own way: take that one, or delete the file and train again."
        )
    if other := sorted(name for name in config if saved.get(name) != config[name]):
        was = ", ".join(f"{name}={saved.get(name)!r}" for name in other)
        raise CourseError(
            f"The checkpoint {path.name} belongs to a run with {was}: "
            "train with the same settings, or delete the file and train again."
        )
    model.load_state_dict(weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": states, "param_groups": groups})
    generator.set_state(random_states[0])
    torch.set_rng_state(random_states[1])
    return facts


def _optimizer_states(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """The optimiser's tensors by the number of their parameter, as ``load_state_dict`` wants them."""
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            states.setdefault(int(index), {})[key] = value
    return states


def _fit(states: dict[int, dict[str, Tensor]], optimizer: torch.optim.Optimizer) -> bool:
    """Whether each state is a number, or has the shape of its parameter."""
    shapes = [p.shape for group in optimizer.param_groups for p in group["params"]]
    return all(
        index < len(shapes) and all(v.ndim == 0 or v.shape == shapes[index] for v in state.values())
        for index, state in states.items()
    )
