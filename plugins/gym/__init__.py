"""Any Gymnasium environment with finitely many actions, learned by a table."""

from sandbox.registry.hookspecs import hookimpl


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The lab, by name."""
    registry.lab(
        "gym",
        "plugins.gym.lab:GymLab",
        summary="Any Gymnasium environment: --env FrozenLake-v1, Taxi-v4, CartPole-v1 …",
        agents=True,
    )
