"""The optimiser of our language models: Muon inside the blocks, AdamW for the rest, as one object."""

import torch
from torch import nn

from course_lib.workbook.training import Plan

ADAM_SHARE = 0.4  # learning rate of embedding and norms, as a share of that of the matrices


class MuonAndAdamW:
    """For ``workbook.training.train(…, optimiser_for=MuonAndAdamW)``.

    Muon (Jordan 2024) takes a matrix's gradient and makes all its directions equally strong, so that
    rare ones are learned, too. torch brings it; it is for the matrices between two vectors of the
    stream only, so embedding, norms and biases stay with AdamW.
    """

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        inside = [p for name, p in model.named_parameters() if p.ndim == 2 and name.startswith("blocks.")]
        others = [p for name, p in model.named_parameters() if p.ndim != 2 or not name.startswith("blocks.")]
        muon = torch.optim.Muon(
            inside, lr=plan.learning_rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"
        )
        adam = torch.optim.AdamW(others, lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.95))
        adam.param_groups[0]["share"] = ADAM_SHARE
        self.parts, self.inside = (muon, adam), len(inside)
        self.param_groups = [*muon.param_groups, *adam.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict:
        """Both states under one numbering: first Muon's parameters, then AdamW's."""
        states = [part.state_dict()["state"] for part in self.parts]
        return {"state": states[0] | {self.inside + n: s for n, s in states[1].items()}, "param_groups": None}

    def load_state_dict(self, saved: dict) -> None:
        for part, first, last in ((self.parts[0], 0, self.inside), (self.parts[1], self.inside, 10**9)):
            own = {n - first: state for n, state in saved["state"].items() if first <= n < last}
            part.load_state_dict({"state": own, "param_groups": part.state_dict()["param_groups"]})
        self.param_groups = [group for part in self.parts for group in part.param_groups]
