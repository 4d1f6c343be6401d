"""One function for all randomness."""

import random

import numpy as np


def seed_everything(seed: int = 0) -> int:
    """Seed Python, NumPy and torch (CPU and GPU). Returns the seed."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return seed
