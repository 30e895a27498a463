"""Lab 03: digits, recognised by a fully connected network."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab, and the image sets that it shares with the lab `autoencoder`."""
    registry.lab(
        "mnist",
        "plugins.mnist.lab:MnistLab",
        summary="Recognise digits with a fully connected network (PyTorch)",
        agents=False,
    )
    registry.command(
        "predict",
        "plugins.mnist.prediction:predict",
        summary="The digits on images, by an mnist run.",
    )
    where = "files in --data DIR, else downloaded"
    registry.dataset(
        "mnist",
        "envs.datasets.images:mnist",
        summary=f"70000 handwritten digits, 28 x 28 ({where})",
    )
    registry.dataset(
        "fashion-mnist",
        "envs.datasets.images:fashion_mnist",
        summary=f"70000 garments, 28 x 28 ({where})",
    )
    registry.dataset(
        "digits",
        "envs.datasets.images:digits",
        summary="1797 handwritten digits, enlarged to 28 x 28 (bundled)",
    )
