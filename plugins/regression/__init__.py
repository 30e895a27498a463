"""A network written in NumPy fits a noisy function; a grid search selects the network."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab and its points."""
    registry.dataset(
        "curve",
        "envs.datasets.curves:generate",
        summary="Noisy points of a function of one variable (generated from a seed)",
    )
    registry.dataset(
        "points",
        "envs.datasets.curves:read",
        summary="Points from a text file, x,y in a line (--train FILE --test FILE)",
    )
    registry.lab(
        "regression",
        "plugins.regression.lab:RegressionLab",
        summary="A neural network in NumPy alone fits a noisy curve",
        agents=False,
    )
