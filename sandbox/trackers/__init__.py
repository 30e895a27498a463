"""Trackers: observers that pass what a run measures on to TensorBoard or MLflow, in a thread of
their own.

Importing this loads neither; a tracker that is down is reported once, and never stops or slows a
run.
"""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The trackers, by name."""
    registry.observer(
        "tensorboard",
        "sandbox.trackers.tensorboard:TensorBoard",
        summary="Event files for TensorBoard, in the run's folder",
    )
    registry.observer(
        "mlflow",
        "sandbox.trackers.mlflow:MLflow",
        summary="An MLflow run: --track mlflow, or --track mlflow=URI",
    )
