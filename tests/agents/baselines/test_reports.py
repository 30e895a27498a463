"""What the help, the curves and the notes say of agents of Stable-Baselines3 is true, and options
that cannot work are refused with a remedy."""

from __future__ import annotations

import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from agents.baselines.known import KNOWN
from sandbox.registry.registry import registry

pytestmark = pytest.mark.extras


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_no_sentence_of_the_help_ends_in_its_middle(name):
    fields = registry().load("agent", name).Config.model_fields
    for option, field in fields.items():
        told = field.description
        assert told.count("(") == told.count(")"), option
        assert " see " not in told, option
    assert "learning rate" in fields["learning_rate"].description
    if "gradient_steps" in fields:
        assert "-1" in fields["gradient_steps"].description
