"""Lab 05: digits, compressed to a code of few numbers."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab."""
    registry.lab(
        "autoencoder",
        "plugins.autoencoder.lab:AutoencoderLab",
        summary="Compress digits into a code of few numbers (PyTorch)",
        agents=False,
    )
