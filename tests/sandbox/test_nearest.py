"""A slip of the keyboard in any name gets the name that was meant."""

from __future__ import annotations

import pytest

from sandbox.cli import COMMANDS
from sandbox.config.options import options
from sandbox.errors import edit_distance, nearest
from sandbox.registry.registry import registry

LABS = [entry.name for entry in registry().entries("lab", outside=False)]
SAID = "Did you mean '{}'?"


def names(kind):
    return [entry.name for entry in registry().entries(kind, outside=False)]


def swaps(name):
    """The name with two neighbours swapped."""
    return [
        f"{name[:at]}{name[at + 1]}{name[at]}{name[at + 2 :]}"
        for at in range(len(name) - 1)
        if name[at] != name[at + 1]
    ]


def omissions(name):
    return [name[:at] + name[at + 1 :] for at in range(len(name))]


def doublings(name):
    return [name[:at] + name[at] + name[at:] for at in range(len(name))]


SETS = {
    **{kind: names(kind) for kind in ("lab", "agent", "env", "dataset", "observer")},
    "command": [*COMMANDS, *names("command")],
    **{f"presets of {lab}": list(registry().lab(lab).presets) for lab in LABS},
    **{
        f"options of {lab}": [one.name for one in options(registry().lab(lab).Config)]
        for lab in LABS
    },
}


@pytest.mark.parametrize("kind", SETS)
def test_the_name_that_was_meant_is_proposed_after_one_slip(kind):
    known = SETS[kind]
    meant = {
        (name, typed): nearest(typed, known)
        for name in known
        for typed in [*swaps(name), *omissions(name), *doublings(name)]
        if typed not in known
    }
    wrong = [(typed, name, found) for (name, typed), found in meant.items() if found != name]
    assert len(wrong) <= 0.05 * len(meant), wrong


def test_a_claim_is_proposed_after_a_swap_or_a_doubling():
    """Half of an id of two letters could be any."""
    ids = {claim.id for lab in LABS for claim in getattr(registry().lab(lab), "claims", ())}
    known = sorted({*LABS, *ids})
    for name in ids:
        for typed in {*swaps(name), *doublings(name)} - set(known):
            assert nearest(typed, known) == name


def test_another_claim_is_not_what_was_meant(say):
    assert nearest("M9", ["M1", "M2", "A1"]) is None


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("sarsa", "sarsa", 0),
        ("srasa", "sarsa", 1),
        ("srsa", "sarsa", 1),
        ("sarrsa", "sarsa", 1),
        ("sarta", "sarsa", 2),
        ("ca", "abc", 3),  # a swapped pair takes part in nothing else
        ("", "abc", 3),
        ("abc", "", 3),
    ],
)
def test_distances_count_letters_put_in_left_out_and_swapped(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["run", "mzae"], "maze"),
        (["run", "maze", "--agent", "srasa"], "sarsa"),
        (["run", "maze", "--preset", "qiuck"], "quick"),
        (["run", "maze", "--episdoes", "3"], "--episodes"),
        (["run", "maze", "--track", "tensorbaord"], "tensorboard"),
        (["run", "gym", "--agent", "srasa"], "sarsa"),
        (["compare", "maze", "--agents", "srasa", "q-learning"], "sarsa"),
        (["sweep", "mzae"], "maze"),
        (["solve", "mzae"], "maze"),
        (["reproduce", "mzae"], "maze"),
        (["reproduce", "1G"], "G1"),
        (["lsit"], "list"),
        (["paly", "maze"], "play"),
    ],
)
def test_every_command_proposes_it(say, store, words, meant):
    said = say(*words)
    assert said.code == 2 and SAID.format(meant) in said.err and not store.exists()
