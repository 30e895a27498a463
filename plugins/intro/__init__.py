"""First steps: polynomials fitted to a noisy curve, and a nearest-neighbour classifier."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab."""
    registry.lab(
        "intro",
        "plugins.intro.lab:IntroLab",
        summary="Least squares, ridge, gradient descent and nearest neighbours",
        agents=False,
    )
