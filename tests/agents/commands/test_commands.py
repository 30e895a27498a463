"""`play` in a window: keys move, the return and the optimum are shown, closing ends it cleanly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.visual import window
from sandbox.visual.window import WindowClosed


class Keyboard:
    """A window whose keys are pressed by the test."""

    keys: list[str] = []  # noqa: RUF012
    seen: list[str] = []  # noqa: RUF012
    frames: list[Any] = []  # noqa: RUF012

    def __init__(self, title, fps):
        self.title = title

    def wait_key(self, frame=None):
        self.seen.append(frame.status)
        self.frames.append(frame)
        assert frame.draw().shape[2] == 3
        if not self.keys:
            raise WindowClosed
        return self.keys.pop(0)

    def close(self):
        pass


@pytest.fixture
def keyboard(monkeypatch):
    monkeypatch.setattr(window, "Window", Keyboard)
    monkeypatch.setattr("sandbox.visual.screen.require_screen", lambda remedy: None)
    Keyboard.seen.clear()
    Keyboard.frames.clear()
    return Keyboard


def test_walking_with_the_arrows_shows_return_and_optimum(say, keyboard):
    keyboard.keys = ["up"] * 5 + ["left"] * 5 + ["space"] * 40 + ["x"]
    said = say("play", "empty-grid", "--json")
    assert said.code == 0, said.err
    assert (
        said.document["return"] == said.document["optimum"] == 40.0
        and said.document["steps_to_goal"] == 10
    )
    assert (
        "best possible 40" in keyboard.seen[0]
        and "return 40" in keyboard.seen[-1]
        and "0 steps left" in keyboard.seen[-1]
    )


def test_a_bump_is_said_and_marked_until_the_next_step(say, keyboard):
    keyboard.keys = ["down", "up"]  # the start is in the lower right corner
    assert say("play", "maze").code == 0
    before, bumped, after = keyboard.frames
    assert "bump! -1 · return -1" in bumped.status and bumped.marked == (bumped.agent,)
    assert (bumped.draw() != replace(bumped, marked=()).draw()).any()
    for frame in (before, after):
        assert "bump" not in frame.status and not frame.marked


def test_the_optimal_action_is_shown_on_request_and_leads_to_the_optimum(say, keyboard):
    """Followed to the end of the episode, action by action, it gives the best possible return."""

    class Follows(list):
        def pop(self, _):
            words = keyboard.frames[-1].status
            if "optimal: " not in words:
                return "o" if "50 steps left" in words else "x"
            action = words.split("optimal: ")[1].split(" ")[0]
            return "space" if action == "stay" else action

    keyboard.keys = Follows("x")
    said = say("play", "empty-grid", "--json")
    assert said.document["return"] == said.document["optimum"] == 40.0
    assert keyboard.frames[0].policy is None
    assert (keyboard.frames[1].policy.sum(axis=1) == 1.0).all()


def test_beginning_again_and_closing_the_window_end_cleanly(say, keyboard):
    keyboard.keys = ["right", "r", "up"]
    said = say("play", "empty-grid")
    assert said.code == 0, said.err
    assert "You stopped after 1 of 50 steps" in said.out


def test_solve_refuses_a_discount_of_1_where_there_is_no_optimum(say):
    said = say("solve", "maze", "--discount", 1)
    assert said.code == 2 and "state 0 grows without end, with action 0" in said.err


@pytest.mark.parametrize("env", ["empty-grid", "FrozenLake-v1"])
def test_solve_proposes_an_agent_that_learns_the_policy_it_found(say, env):
    said = say("solve", env, "--epsilon", "0.123456789", "--discount", "0.8")
    (line,) = [line for line in said.out.splitlines() if line.endswith("learn it")]
    words = line.split("  ")[0].split()[3:]
    made = say(*words, "--episodes", "2", "--render", "none", "--json").document
    agent = made["config"]["agent"]
    assert agent["name"] == "sarsa" and agent["policy"] == "epsilon-greedy"
    assert (agent["epsilon"], agent["epsilon_schedule"]) == (0.123456789, "constant")
    assert (agent["epsilon_convention"], agent["discount"]) == ("others", 0.8)
    greedy = say("solve", env, "--epsilon", "0").out
    assert "--agent q-learning" in greedy and "--agent.epsilon" not in greedy


@pytest.mark.parametrize("env", ["empty-grid", "FrozenLake-v1"])
def test_solve_proposes_the_discount_that_it_solved_with_by_default(say, env):
    said = say("solve", env)
    (line,) = [line for line in said.out.splitlines() if line.endswith("learn it")]
    words = line.split("  ")[0].split()[3:]
    made = say(*words, "--episodes", "2", "--render", "none", "--json").document
    assert made["config"]["agent"]["discount"] == say("solve", env, "--json").document["discount"]


def test_solve_divides_no_return_by_a_limit_that_the_episode_does_not_reach(say):
    walk = say("solve", "CliffWalking-v1", "--discount", "1", "--json").document
    assert walk["episode_return"] == -13 and "reward_per_step" not in walk
    assert say("solve", "empty-grid", "--json").document["reward_per_step"] > 0


def test_play_shows_the_grid_also_where_agents_see_images(say):
    words = "play", "empty-grid", "--moves", "wwwwwaaaaa" + "." * 40, "--json"
    assert say(*words, "--env.observation", "image").document == say(*words).document


def test_play_refuses_an_episode_whose_optimum_would_take_too_long(say):
    said = say("play", "maze", "--moves", "w", "--env.episode-length", 10**9)
    assert said.code == 2 and "give a smaller --env.episode-length" in said.err


def test_play_compares_with_the_best_return_from_the_start_that_was_drawn(say):
    """Start and goal are neighbours, or the start is the goal: 2 or 3 of 3 steps on the goal."""
    words = "play", "maze", "--env.layout", "SG", "--env.random-start", "--env.episode-length", 3
    optima = set()
    for seed in range(8):
        walk = say(*words, "--moves", "d", "--seed", seed, "--json").document
        optima.add(walk["optimum"])
        assert walk["optimum"] == (3.0 if walk["return"] < 0 else 2.0)  # a bump: on the goal
    assert optima == {2.0, 3.0}


def test_play_does_not_call_luck_the_best_possible(say):
    """Here 2 of 3 steps on the goal need a first move that does not slip; 1.22 is the mean."""
    layout = "--env.layout", "SG", "--env.slip", "0.3", "--env.episode-length", 3
    said = say("play", "maze", *layout, "--moves", "d..").out
    assert "return          2" in said and "0.78 above the best expected, 1.22." in said


def test_play_says_that_the_episode_ended_where_a_hole_ended_it(say):
    said = say("play", "maze", "--env.layout", "SG.O", "--env.holes", "end", "--moves", "ddd").out
    assert "The episode ended after 3 of 4 steps with -5; the best possible" in said
