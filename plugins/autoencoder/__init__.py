"""Lab 05: digits, squeezed through a code of few numbers."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab(
        "autoencoder",
        "plugins.autoencoder.lab:AutoencoderLab",
        summary="Squeeze digits through a code of few numbers (PyTorch)",
        agents=False,
    )
