"""Any Gymnasium environment with finitely many actions, learned by tabular agents."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """Register the lab."""
    registry.lab(
        "gym",
        "plugins.gym.lab:GymLab",
        summary="Any Gymnasium environment: --env FrozenLake-v1, Taxi-v4, CartPole-v1 …",
        agents=True,
    )
