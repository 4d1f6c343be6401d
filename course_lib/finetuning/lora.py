"""LoRA: leave a layer as it is and learn a small detour beside it.

    y = W x  +  scaling · B (A x)        A (r, in), B (out, r), scaling = lora_alpha / r

B starts as zeros, so that an adapted model begins exactly where its base stands. Hu et al. 2021,
"LoRA", section 4.1. Names and numbers are those of peft, which the course trains with.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class LoRALinear(nn.Module):
    """A frozen linear layer with a trainable detour.

    base_layer     any linear layer: only its forward is needed, so its weight may have four bits
    r              numbers that the detour squeezes a vector into
    lora_alpha     strength of the detour: what it gives is multiplied by ``lora_alpha / r``
    lora_dropout   fraction of the detour's inputs set to zero in training
    """

    def __init__(
        self, base_layer: nn.Module, r: int = 8, lora_alpha: float = 16, lora_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.base_layer, self.scaling = base_layer.requires_grad_(False), lora_alpha / r
        # fp32 whatever the base has: small updates vanish in 16 bits.
        self.lora_A = nn.Parameter(torch.empty(r, base_layer.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base_layer.out_features, r))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.lora_dropout = nn.Dropout(lora_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out), in the type that the base returns."""
        result = self.base_layer(x)
        detour = linear(self.lora_dropout(x.to(self.lora_A.dtype)), self.lora_A)
        return (result + linear(detour, self.lora_B) * self.scaling).to(result.dtype)

    def get_delta_weight(self) -> Tensor:
        """What the detour adds to the weight, (out, in)."""
        return self.scaling * self.lora_B @ self.lora_A
