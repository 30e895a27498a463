"""Makes the network that a configuration asks for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from plugins.music.config import ChordLstmConfig, MusicConfig
from plugins.music.networks.chords import ChordLstm
from plugins.music.networks.models import MusicModel, ReportModel
from sandbox.seeding import generator


def make_model(config: MusicConfig, seed: int = 0) -> MusicModel:
    """The model of a configuration with fresh weights, drawn from the seed alone.

    PyTorch's own rule for fresh layers: uniform within 1/√fan-in for linear layers and
    convolutions, within 1/√hidden for LSTMs.
    """
    options: Any = config.model.options
    with torch.device("meta"):  # no weights are drawn from PyTorch's global generator
        if isinstance(options, ChordLstmConfig):
            model: MusicModel = ChordLstm(options)
        else:
            by_report = config.loss == "report"
            dense = (120 if by_report else 0) if options.dense is None else options.dense
            model = ReportModel(options, options.hands, dense, apart=not by_report)
    model = model.to_empty(device="cpu")
    rng = generator(seed, "weights")
    with torch.no_grad():
        model.prior.zero_()
        for name, weight in model.named_parameters():
            weight.copy_(
                torch.from_numpy(rng.uniform(-1, 1, tuple(weight.shape)).astype(np.float32))
                * _bound(model, name)
            )
    return model


def _bound(model: MusicModel, name: str) -> float:
    if name.startswith("lstm."):
        return 1 / math.sqrt(model.config.hidden)
    weight = model.get_parameter(name.replace("bias", "weight"))
    return 1 / math.sqrt(math.prod(weight.shape[1:]))
