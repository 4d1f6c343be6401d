"""The optimiser of our language models: Muon inside the blocks, AdamW for the rest, as one object."""

import torch
from torch import nn

from course_lib.workbook.training import TrainingConfig

ADAM_SHARE = 0.4  # learning rate of embedding and norms, as a share of that of the matrices


class MuonAndAdamW:
    """For ``workbook.training.train(…, optimiser_for=MuonAndAdamW)``.

    Muon (Jordan 2024) takes a matrix's gradient and makes all its directions equally strong, so that
    rare ones are learned, too. torch brings it; it is for the matrices between two vectors of the
    stream only, so embedding, norms and biases stay with AdamW.
    """

    def __init__(self, model: nn.Module, plan: TrainingConfig) -> None:
        inside = [
            p for name, p in model.named_parameters() if p.ndim == 2 and name.startswith("blocks.")
        ]
        others = [
            p
            for name, p in model.named_parameters()
            if p.ndim != 2 or not name.startswith("blocks.")
        ]
        muon = torch.optim.Muon(
            inside,
            lr=plan.learning_rate,
            weight_decay=plan.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        adam = torch.optim.AdamW(others, lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.95))
        adam.param_groups[0]["share"] = ADAM_SHARE
        self.parts, self.inside = (muon, adam), len(inside)

    @property
    def param_groups(self) -> list[dict]:
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict:
        """Both states under one numbering: first Muon's parameters, then AdamW's."""
        muon, adam = (part.state_dict()["state"] for part in self.parts)
        return {
            "state": muon | {self.inside + n: state for n, state in adam.items()},
            "param_groups": [],
        }

    def load_state_dict(self, saved: dict) -> None:
        """The states of ``state_dict``; the groups are those of the plan."""
        muon = {n: state for n, state in saved["state"].items() if n < self.inside}
        adam = {n - self.inside: state for n, state in saved["state"].items() if n >= self.inside}
        for part, own in zip(self.parts, (muon, adam), strict=True):
            part.load_state_dict({"state": own, "param_groups": part.state_dict()["param_groups"]})
