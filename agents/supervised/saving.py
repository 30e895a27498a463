"""A trained model as two files: weights (safetensors) and configuration (JSON).

Loading runs no code from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agents.supervised.tensors import arrays
from sandbox.config.model import LabConfig, dump
from sandbox.config.resolve import resolve
from sandbox.errors import SandboxError
from sandbox.store.artifacts import Artifacts

if TYPE_CHECKING:
    from torch import nn

    from sandbox.runs.view import Run

C = TypeVar("C", bound=LabConfig)
M = TypeVar("M", bound="nn.Module")
FORMAT = "sandbox model 1"
WEIGHTS, ABOUT = "model.safetensors", "model.json"


def save_model(artifacts: Artifacts, lab: str, config: LabConfig, model: nn.Module) -> None:
    """Write a model's weights and configuration among the artifacts of its run."""
    from safetensors.numpy import save

    artifacts.write(WEIGHTS, save(arrays(model.state_dict())))
    artifacts.write_json(ABOUT, {"format": FORMAT, "lab": lab, "config": dump(config)})


def model_of(run: Run) -> Any:
    """The model that a run saved; its lab makes a fresh one with `network`. See `load_model`."""
    lab: Any = run.lab
    return load_model(run.folder.artifacts.folder, run.record.lab, lab.Config, lab.network)


def load_model(folder: Path, lab: str, kind: type[C], make: Callable[[C], M]) -> M:
    """The model that `save_model` wrote.

    Args:
        folder: the folder of both files.
        lab: the lab that the model must belong to.
        kind: the class of the lab's configuration.
        make: called with the validated configuration, returns a fresh model.

    Raises:
        SandboxError: when a file is missing or damaged, or holds a model of another lab or shape.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    artifacts = Artifacts(folder)
    try:
        about = json.loads(artifacts.read(ABOUT))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is not '{FORMAT}'")
        if about["lab"] != lab:
            raise SandboxError(
                f"{folder / ABOUT} holds a model of lab '{about['lab']}', not '{lab}'."
            )
        config = resolve(kind, [about["config"]], f"model {folder}")
        model = make(config)
        model.load_state_dict(load(artifacts.read(WEIGHTS)))
    except FileNotFoundError as error:
        raise SandboxError(
            f"There is no model in {folder}: a finished run of lab '{lab}' keeps one among its "
            "artifacts, but none with --no-pictures."
        ) from error
    except (ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        what = str(error).splitlines()[-1].strip()
        raise SandboxError(
            f"The model in {folder} is damaged, or of another shape than its configuration says: "
            f"{what}"
        ) from error
    return model.eval()
