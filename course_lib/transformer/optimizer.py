"""The optimiser of our language models: Muon inside the blocks, AdamW for the rest."""

import torch
from torch import nn

from course_lib.workbook.training import TrainingConfig

ADAMW_LR_SCALE = 0.4  # learning rate of embedding and norms, relative to that of the matrices


class MuonAndAdamW(torch.optim.Optimizer):
    """For ``workbook.training.train(…, make_optimizer=MuonAndAdamW)``.

    Muon (Jordan 2024) takes a matrix's gradient and makes all its directions equally strong, so
    that rare ones are learned, too. It is for the matrices between two vectors of the stream only:
    embedding, norms and biases, and all of a model without ``blocks``, stay with AdamW.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        matrices, others = [], []
        for name, p in model.named_parameters():
            if p.requires_grad:
                (matrices if p.ndim == 2 and name.startswith("blocks.") else others).append(p)
        lr = config.learning_rate
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            decay = config.weight_decay
            self.parts.append(
                torch.optim.Muon(
                    matrices, lr=lr, weight_decay=decay, adjust_lr_fn="match_rms_adamw"
                )
            )
        if others:
            adamw = torch.optim.AdamW(others, lr=lr, weight_decay=0.0, betas=(0.9, 0.95))
            adamw.param_groups[0]["lr_scale"] = ADAMW_LR_SCALE
            self.parts.append(adamw)
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """The parts work on our groups and states, one group each."""
        for part, group in zip(self.parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state

    def step(self) -> None:  # without the closure that a few optimisers want
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict) -> None:
        super().load_state_dict(state_dict)
        self._share()
