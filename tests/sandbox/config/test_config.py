"""Layers of configuration, choices, and errors that name everything at once."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from sandbox.config.model import Choice, Chosen, LabConfig, dump, nested, show_value, with_defaults
from sandbox.config.options import options
from sandbox.config.resolve import merge, read_file, resolve
from sandbox.errors import ConfigError, UnknownNameError, UsageError


class Table(LabConfig):
    alpha: float = Field(0.25, gt=0, le=1)
    policy: Literal["softmax", "epsilon-greedy"] = "softmax"


class One(Table):
    pass


class Two(Table):
    beta: float = 0.0


class Net(LabConfig):
    policy: str = "MlpPolicy"


class World(LabConfig):
    size: int = Field(10, ge=2)
    start: tuple[int, int] | None = None
    random_start: bool = False


class Whole(LabConfig):
    episodes: int = Field(3000, ge=1)
    agent: Chosen = Choice("agent", "one", find=f"{__name__}:find")
    env: World = World()


def find(kind, name):
    known = {"one": One, "two": Two, "net": Net}
    if name not in known:
        raise UnknownNameError(kind, name, known)
    return known[name]


def resolved(*layers):
    return resolve(Whole, list(layers), "lab 'whole'")


def test_later_layers_override_earlier_ones_key_by_key():
    config = resolved(
        {"episodes": 5, "env": {"size": 4}}, {"env": {"random-start": "true"}}, {"episodes": "7"}
    )
    assert (config.episodes, config.env.size, config.env.random_start) == (7, 4, True)


@pytest.mark.parametrize("more", [[], [{"policy": "softmax"}], [{"name": "one", "beta": 1.0}]])
def test_an_option_of_a_named_choice_is_dropped_when_a_stronger_layer_picks_another(more):
    layers = [{"agent": agent} for agent in ({"name": "one", "alpha": 0.5}, *more, "two")]
    config = resolved(*layers)
    assert config.agent.name == "two" and config.agent.options == Two()


def test_an_option_of_a_named_choice_counts_again_when_that_one_is_picked_again():
    agents = ({"name": "one", "alpha": 0.5}, {"name": "two", "alpha": 0.75}, "one")
    config = resolved(*({"agent": agent} for agent in agents))
    assert config.agent.options == One(alpha=0.5)


@pytest.mark.parametrize("name", ["one", "two"])
def test_an_option_without_a_name_counts_for_whatever_is_picked(name):
    assert resolved({"agent": {"alpha": 0.5}}, {"agent": name}).agent.options.alpha == 0.5
    assert resolved({"agent": name}, {"agent": {"alpha": 0.5}}).agent.options.alpha == 0.5


def test_an_option_without_a_name_counts_although_the_default_choice_does_not_have_it():
    assert resolved({"agent": {"beta": 2.0}}, {"agent": "two"}).agent.options.beta == 2


def test_an_option_without_a_name_is_left_out_where_the_picked_one_does_not_have_it():
    assert resolved({"agent": {"alpha": 0.5}}, {"agent": "net"}).agent.options == Net()


def test_an_option_without_a_name_that_nothing_has_is_refused():
    with pytest.raises(ConfigError, match="'agent.alhpa'. Did you mean 'agent.alpha'"):
        resolved({"agent": {"alhpa": 0.5}}, {"agent": "two"})


def test_an_option_of_the_same_name_but_another_meaning_does_not_carry_over():
    config = resolved({"agent": {"policy": "epsilon-greedy"}}, {"agent": "net"})
    assert config.agent.options.policy == "MlpPolicy"


def test_of_several_names_the_first_is_picked_and_the_options_count_for_all():
    layer = {"agent": {"name": ["two", "one"], "alpha": 0.5}}
    assert resolved(layer).agent.name == "two" and resolved(layer).agent.options.alpha == 0.5
    assert resolved(layer, {"agent": "one"}).agent.options == One(alpha=0.5)
    assert resolved(layer, {"agent": "net"}).agent.options == Net()


@pytest.mark.parametrize("value", [5, {"name": 5}, {"name": ["one", 5]}])
def test_a_choice_that_is_no_name_is_refused(value):
    with pytest.raises(ConfigError, match="agent = .*: it should be a name, or a table"):
        resolved({"agent": value})


def test_other_defaults_leave_options_limits_and_help_as_they_are():
    other = with_defaults(Two, {"alpha": 0.5})
    assert list(other.model_fields) == list(Two.model_fields)
    assert other().alpha == 0.5 and Two().alpha == 0.25
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        other(alpha=2)


def test_values_are_shown_as_they_can_be_typed_again():
    for value in (0.1, 1 / 3, 1e-6, 3e10, 2.0):
        assert float(show_value(value)) == value
    shown = [show_value(value) for value in (0.25, 2.0, (1, 2), None)]
    assert shown == ["0.25", "2", "1,2", "none"]


def test_all_wrong_values_are_reported_at_once_with_option_value_and_what_is_allowed():
    with pytest.raises(ConfigError) as caught:
        resolved(
            {
                "agent": {"alhpa": 1, "policy": "soft", "alpha": 3},
                "episodes": 0,
                "env": {"sizee": 1, "size": "many"},
                "foo": 1,
            }
        )
    message = str(caught.value)
    assert len(caught.value.problems) == 7
    for part in [
        "'agent.alhpa'. Did you mean 'agent.alpha'",
        "agent.policy = soft",
        "agent.alpha = 3",
        "episodes = 0",
        "'env.sizee'. Did you mean 'env.size'",
        "env.size = many",
        "'foo'",
    ]:
        assert part in message


def test_an_unknown_choice_is_reported_beside_the_other_wrong_values():
    with pytest.raises(
        ConfigError, match="(?s)2 wrong values.*No agent 'onee'. Did you mean 'one'.*episodes = 0"
    ):
        resolved({"agent": "onee", "episodes": 0})


@pytest.mark.parametrize("text", ["7,2", "(7, 2)", "[7,2]", "7 , 2"])
def test_a_pair_is_typed_with_a_comma(text):
    assert resolved({"env": {"start": text}}).env.start == (7, 2)


def test_none_is_typed_as_none():
    assert resolved({"env": {"start": "3,3"}}, {"env": {"start": "none"}}).env.start is None


@pytest.mark.parametrize("value", ["nan", "inf", float("nan"), float("-inf")])
def test_values_that_are_no_numbers_are_refused(value):
    with pytest.raises(ConfigError, match=r"agent.alpha"):
        resolved({"agent": {"alpha": value}})


def test_what_dump_writes_resolves_to_the_same_configuration():
    config = resolved({"agent": {"name": "two", "beta": 3}, "env": {"start": (1, 2)}})
    assert resolved(dump(config)) == config


def test_the_options_of_a_choice_are_those_of_the_chosen():
    names = [option.name for option in options(Whole, {"agent": "two"})]
    assert names == [
        "episodes",
        "agent",
        "agent.alpha",
        "agent.policy",
        "agent.beta",
        "env.size",
        "env.start",
        "env.random-start",
    ]


def test_merge_keeps_what_the_stronger_does_not_mention():
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}) == {
        "a": {"b": 5, "c": 2},
        "d": 3,
    }
    assert nested(("a", "b"), 1) == {"a": {"b": 1}}


def test_a_configuration_file_is_toml_or_json_by_its_ending(tmp_path):
    (tmp_path / "a.toml").write_text('episodes = 3\n[agent]\nname = "two"\n')
    (tmp_path / "a.json").write_text('{"episodes": 3, "agent": {"name": "two"}}')
    assert (
        read_file(tmp_path / "a.toml")
        == read_file(tmp_path / "a.json")
        == {"episodes": 3, "agent": {"name": "two"}}
    )


def test_a_configuration_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.toml").write_text("\ufeffepisodes = 3\r\n", encoding="utf-8")
    (tmp_path / "a.json").write_text('\ufeff{"episodes": 3}', encoding="utf-8")
    assert read_file(tmp_path / "a.toml") == read_file(tmp_path / "a.json") == {"episodes": 3}


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.toml", "episodes = ", "is not TOML"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[1]", "not a table"),
        (
            "a.json",
            '{"agent": {"alpha": 1, "beta": 2, "alpha": 3}}',
            "one of .*'alpha'.* is there twice",
        ),
    ],
)
def test_a_broken_configuration_file_is_refused(tmp_path, name, content, part):
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=part):
        read_file(tmp_path / name)


def test_a_missing_configuration_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere.toml"):
        read_file(tmp_path / "nowhere.toml")
