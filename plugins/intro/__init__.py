"""First steps: fitting a noisy curve, and classifying by the nearest neighbours."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab(
        "intro",
        "plugins.intro.lab:IntroLab",
        summary="Least squares, ridge, gradient descent and nearest neighbours",
        agents=False,
    )
