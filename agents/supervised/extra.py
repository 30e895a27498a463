"""PyTorch is an extra: where it is missing, one sentence says how to get it."""

from __future__ import annotations

from sandbox.errors import UsageError

INSTALL = 'python -m pip install "sandbox-lab[torch]"'


def need_torch(what: str) -> None:
    """Make sure that PyTorch and its companions are there.

    Raises:
        UsageError: naming the line that installs them.
    """
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(f"{what} needs {error.name}, which is not installed: {INSTALL}") from None
