"""The agent keeps what every agent promises, and learns the maze."""

from example_module import ExamplePlugin

import sandbox
from sandbox.testing import check_agent


def test_the_agent_conforms():
    check_agent(ExamplePlugin)


def test_it_learns_the_maze(tmp_path):
    run = sandbox.run("maze", agent="example-plugin", store=tmp_path, pictures=False)
    assert run.summary["reward_per_step"] == run.summary["optimum"]
