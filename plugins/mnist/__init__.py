"""Lab 03: digits, recognised by a fully connected network."""

from sandbox.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab("mnist", "plugins.mnist.lab:MnistLab", summary="Recognise digits with a fully connected network (PyTorch)")
