"""torch with a DataLoader over tensors in memory."""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.peers.setting import Setting, Trainer
from benchmarks.peers.torch_loop import torch_trainer


def trainer(setting: Setting) -> Trainer:
    """Images are normalised once, before the clock starts."""
    dataset = TensorDataset(torch.from_numpy(setting.normalised()), torch.from_numpy(setting.labels))
    return torch_trainer(setting, DataLoader(dataset, batch_size=setting.batch_size, shuffle=True))
