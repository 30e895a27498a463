"""A network in NumPy alone learns a noisy function, and a grid search by cross-validation chooses it."""

from sandbox.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab("regression", "plugins.regression.lab:RegressionLab", summary="A neural network in NumPy alone fits a noisy curve")
