"""What excites neurons: receptive fields (M3) and inputs that excite them most (M4), of any layer.

Layers count from 1; the last one's neurons are the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agents.supervised.batches import outputs

if TYPE_CHECKING:
    from torch import nn

WATCHED = 20
"""Number of neurons of the first layer that are shown while it learns."""
STRONGEST = 8
"""Number of neurons of the first layer that are shown for an image."""
STEPS, RATE = 200, 0.05
"""Gradient ascent: number of steps; change per step of the pixel with the largest gradient."""


def layer_maps(model: nn.Module) -> list[np.ndarray]:
    """The linear map of each layer, with batch norm folded in: float64 [units, inputs] each."""
    weights = {
        name: value.detach().cpu().double().numpy() for name, value in model.state_dict().items()
    }
    maps = []
    layers = sum(name.startswith("linear") for name, _ in model.named_children())
    for number in range(1, layers + 1):
        weight = weights[f"linear{number}.weight"]
        if f"norm{number}.weight" in weights:
            gain = weights[f"norm{number}.weight"] / np.sqrt(
                weights[f"norm{number}.running_var"] + 1e-5
            )
            weight = gain[:, None] * weight
        maps.append(weight)
    return maps


def receptive_fields(model: nn.Module, layer: int) -> np.ndarray:
    """Rows of W_layer · … · W_1, activations left out: float64 [units of the layer, 28, 28]."""
    product = np.eye(28 * 28)
    for weight in layer_maps(model)[:layer]:
        product = weight @ product
    return product.reshape(-1, 28, 28)


def first_and_last_fields(model: nn.Module) -> np.ndarray:
    """Receptive fields of the first neurons of the first layer, and of all classes.

    Returns:
        float32 [WATCHED or less + 10, 28, 28].
    """
    maps = layer_maps(model)
    classes = reduce(np.matmul, maps[::-1])
    fields = np.concatenate([maps[0][:WATCHED], classes])
    return fields.reshape(-1, 28, 28).astype(np.float32)


class Reaction(NamedTuple):
    """How a network reacts to an image.

    Attributes:
        probabilities: of the classes, float32 [classes].
        neurons: those of the first hidden layer with the largest activations, the largest first:
            numbers from 0, int64 [neurons].
        activations: theirs, float32 [neurons].
        favoured: the class whose score (before the softmax) falls most if a neuron's activation
            becomes 0, for each of them: int64 [neurons].
    """

    probabilities: np.ndarray
    neurons: np.ndarray
    activations: np.ndarray
    favoured: np.ndarray


def reaction(model: nn.Sequential, image: np.ndarray) -> Reaction:
    """What a network takes an image for, and which neurons of its first hidden layer it excites
    most: `STRONGEST` of them, or all where there are fewer.

    Args:
        model: the network.
        image: float32 [28, 28], 0 to 1.
    """
    import torch

    first = [name for name, _ in model.named_children()].index("relu1") + 1
    active = outputs(model[:first], image[None])[0]  # [units]
    strongest = np.argsort(-active, kind="stable")[:STRONGEST]
    inputs = np.tile(active, (len(strongest) + 1, 1))
    inputs[np.arange(1, len(inputs)), strongest] = 0.0
    scores = outputs(model[first:], inputs)  # [neurons + 1, classes]
    favoured = (scores[0] - scores[1:]).argmax(axis=1)
    probabilities = torch.softmax(torch.from_numpy(scores[0]), dim=0).numpy()
    return Reaction(probabilities, strongest, active[strongest], favoured)


def exciting_inputs(
    model: nn.Module, layer: int, units: Sequence[int], steps: int = STEPS
) -> np.ndarray:
    """Images that excite some neurons most, by gradient ascent from grey 0.5, pixels in [0, 1].

    Args:
        model: the network; it is not changed.
        layer: 1 for the first hidden layer; its neurons before the activation.
        units: which neurons.
        steps: of the ascent.

    Returns:
        float32 [units, 28, 28].
    """
    import torch

    device = next(model.parameters()).device
    parts = list(model.eval().named_children())
    names = [name for name, _ in parts]
    last = f"norm{layer}" if f"norm{layer}" in names else f"linear{layer}"
    through = [part for _, part in parts[: names.index(last) + 1]]
    image = torch.full((len(units), 1, 28, 28), 0.5, device=device, requires_grad=True)
    rows, columns = torch.arange(len(units)), torch.tensor(list(units))
    for _ in range(steps):
        value = image
        for part in through:
            value = part(value)
        (slope,) = torch.autograd.grad(value[rows, columns].sum(), image)
        with torch.no_grad():
            largest = slope.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
            image += RATE * slope / largest
            image.clamp_(0, 1)
    return np.asarray(image.detach().cpu().numpy()[:, 0])


def agreement(fields: np.ndarray, images: np.ndarray) -> float:
    """Mean correlation of exciting inputs with the sign of the receptive fields.

    Args:
        fields: [neurons, 28, 28].
        images: [neurons, 28, 28], 0 to 1.
    """
    signs = (fields > 0).reshape(len(fields), -1).astype(np.float64)
    flat = images.reshape(len(images), -1).astype(np.float64)
    correlations = [
        np.corrcoef(one, other)[0, 1]
        for one, other in zip(signs, flat, strict=True)
        if one.std() and other.std()
    ]
    return float(np.mean(correlations)) if correlations else 0.0
