"""Any Gymnasium environment: learned on its own table of transitions, or through `env.step`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from agents.control.lab import ControlLab
from plugins.gym.config import GymConfig
from sandbox.config.model import Chosen
from sandbox.errors import SandboxError
from sandbox.lab import Context, deferred, read_when_used
from sandbox.tables import read_presets

if TYPE_CHECKING:
    from agents.control.base import AgentExperiment


class CheckedGymConfig(GymConfig):
    """Options with which the agent can learn: spaces and table of transitions were checked."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what cannot be learned, before anything runs."""
        from plugins.gym import fitting

        if not (isinstance(self.agent, Chosen) and isinstance(self.env, Chosen)):
            return self  # agent or env is invalid, which was already reported
        try:
            fitting.check(self)
        except SandboxError as error:
            raise ValueError(str(error)) from error
        return self


class GymLab(ControlLab):
    """Learn any Gymnasium environment with finitely many actions: --env ID, and the parameters of
    its constructor as --env.OPTION.
    """

    Config = CheckedGymConfig
    env = kind = "gym"
    objective = "summary.greedy_return"
    presets = read_presets(__file__)
    fps = 6

    page = deferred("agents.pages.update_board:UpdateBoard")
    """Learning again, update by update."""

    claims = read_when_used("plugins.gym.claims:CLAIMS")
    """The textbook's findings on CliffWalking."""

    def env_name(self, config: Any) -> str:
        """The id of the environment."""
        return config.env.options.id

    def table_experiment(self, config: Any, context: Context, watched: bool) -> AgentExperiment:
        """See `ControlLab.table_experiment`; uses the model if there is one, else `env.step`."""
        from agents.control.episodic import EpisodicExperiment
        from agents.control.worlds import EnvWorld, ModelWorld, TableWorld
        from plugins.gym import fitting

        model, rng = fitting.survey(config).table.model, context.rng("env")
        world: TableWorld
        if model is not None and config.use_model:
            world = ModelWorld(fitting.numbered(config), model, rng, context.seed)
        else:
            world = EnvWorld(
                fitting.numbered(config),
                rng,
                config.env.options.max_episode_steps,
                fitting.numbered(config),
                seed=context.seed,
                evaluation_episodes=config.evaluation_episodes,
                model=model,
            )
        return EpisodicExperiment(config, context, world, fitting.notes(config), watched)
