"""Gymnasium's ids as configurations: options from the constructor's signature, and environments
made from them."""

from __future__ import annotations

import gymnasium
import pytest

from envs import ids
from sandbox.config.model import dump
from sandbox.config.options import options
from sandbox.config.resolve import resolve
from sandbox.errors import ConfigError, UnknownNameError, UsageError


class Parlour(gymnasium.Env):
    """Parameters of every kind."""

    observation_space = gymnasium.spaces.Discrete(2)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(
        self,
        size: int = 3,
        slope: float = 0,
        names: tuple[str, ...] = ("a",),
        plain=2,
        thing: object = None,
        *,
        render_mode=None,
    ):
        if size == 13:
            raise RuntimeError("no thirteenth floor")
        self.told = (size, slope, names, plain, thing)


@pytest.fixture
def parlour():
    gymnasium.register("Parlour-v0", entry_point=Parlour, kwargs={"size": 5})
    yield ids.config_of("env", "Parlour-v0")
    del gymnasium.registry["Parlour-v0"]
    ids._config.cache_clear()


class Attic(Parlour):
    """A parameter whose default is not of its type, as in FrozenLake of Gymnasium 1.3."""

    def __init__(self, boards: list[str] = None):  # noqa: RUF013
        self.boards = boards


def test_a_default_of_none_is_valid_whatever_the_type():
    gymnasium.register("Attic-v0", entry_point=Attic)
    try:
        model = ids.config_of("env", "Attic-v0")
        stored = dump(resolve(model, [], "an env"))
        assert stored["boards"] is None and resolve(model, [stored], "an env").boards is None
        assert resolve(model, [{"boards": "oak,ash"}], "an env").boards == ["oak", "ash"]
    finally:
        del gymnasium.registry["Attic-v0"]
        ids._config.cache_clear()


def test_the_options_of_frozen_lake_are_the_parameters_of_its_constructor():
    found = {option.path[-1]: option for option in options(ids.config_of("env", "FrozenLake-v1"))}
    assert set(found) == {
        "max_episode_steps",
        "desc",
        "map_name",
        "is_slippery",
        "success_rate",
        "reward_schedule",
    }
    assert (
        found["is_slippery"].flag
        and found["map_name"].default == "4x4"
        and found["max_episode_steps"].default == 100
    )


def test_what_the_registration_sets_is_the_default():
    assert ids.config_of("env", "FrozenLake8x8-v1").model_fields["map_name"].default == "8x8"
    assert ids.config_of("env", "Blackjack-v1").model_fields["sab"].default is True


def test_an_environment_without_a_time_limit_gets_one():
    config = resolve(ids.config_of("env", "CliffWalking-v1"), [], "cliff")
    assert config.max_episode_steps == ids.DEFAULT_LIMIT
    assert ids.make(config).spec.max_episode_steps == ids.DEFAULT_LIMIT


def test_options_typed_as_text_reach_the_constructor(parlour):
    config = resolve(
        parlour,
        [{"size": "7", "slope": "0.5", "names": "b,c", "plain": "4", "max_episode_steps": "9"}],
        "parlour",
    )
    env = ids.make(config)
    assert env.unwrapped.told == (7, 0.5, ("b", "c"), 4, None) and env.spec.max_episode_steps == 9
    assert ids.make(resolve(parlour, [], "parlour")).unwrapped.told == (5, 0, ("a",), 2, None)


def test_a_parameter_that_no_text_can_say_is_no_option(parlour):
    assert set(parlour.model_fields) == {"max_episode_steps", "size", "slope", "names", "plain"}


def test_a_map_given_row_by_row_is_the_map():
    config = resolve(ids.config_of("env", "FrozenLake-v1"), [{"desc": "SFF,FHG"}], "lake")
    assert ids.make(config).unwrapped.desc.tolist() == [[b"S", b"F", b"F"], [b"F", b"H", b"G"]]


def test_an_unknown_id_gets_the_nearest():
    with pytest.raises(
        UnknownNameError,
        match=r"No Gymnasium environment 'FrozenLak-v1'. Did you mean 'FrozenLake-v1'\?",
    ):
        ids.config_of("env", "FrozenLak-v1")
    with pytest.raises(UnknownNameError, match=r"'Taxi-v99'. Did you mean 'Taxi-v4'"):
        ids.config_of("env", "Taxi-v99")


def test_an_unknown_option_gets_the_nearest_of_the_constructors_parameters():
    with pytest.raises(ConfigError, match=r"'env.map-nam'. Did you mean 'env.map-name'"):
        resolve(ids.config_of("env", "FrozenLake-v1"), [{"map_nam": "8x8"}], "lake", prefix="env.")


def test_a_constructor_that_refuses_is_quoted_with_what_it_was_told(parlour):
    with pytest.raises(
        UsageError,
        match="'Parlour-v0' cannot be made with size=13: RuntimeError: no thirteenth floor",
    ):
        ids.make(resolve(parlour, [{"size": 13}], "parlour"))


def test_an_environment_that_cannot_be_imported_is_said_so():
    gymnasium.register("Ghost-v0", entry_point="no_such_module:Ghost")
    try:
        with pytest.raises(UsageError, match="'Ghost-v0' cannot be imported: ModuleNotFoundError"):
            ids.config_of("env", "Ghost-v0")
    finally:
        del gymnasium.registry["Ghost-v0"]


def test_a_dash_and_an_underscore_in_an_id_are_the_same():
    gymnasium.register("under_score-v0", entry_point=Parlour)
    try:
        assert ids.spec_of("under-score-v0").id == "under_score-v0"
    finally:
        del gymnasium.registry["under_score-v0"]


def test_an_environment_without_a_space_is_refused_by_its_id():
    class Spaceless(gymnasium.Env):
        action_space = gymnasium.spaces.Discrete(2)

    gymnasium.register("test/Spaceless-v0", entry_point=Spaceless)
    try:
        with pytest.raises(UsageError, match="'test/Spaceless-v0' cannot be made: .*observation"):
            ids.make(ids.config_of("env", "test/Spaceless-v0")())
    finally:
        del gymnasium.registry["test/Spaceless-v0"]
