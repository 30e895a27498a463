"""Agents, exact solvers, and the code that the labs share for training and evaluation.

Importing this package loads only names; the plugin hook below registers its agents and commands.
"""

from sandbox.registry.hookspecs import hookimpl

AGENTS = (
    (
        "sarsa",
        "agents.tabular.rules.one_step:Sarsa",
        "On-policy temporal difference: learns the value of what it does",
    ),
    (
        "expected-sarsa",
        "agents.tabular.rules.one_step:ExpectedSarsa",
        "On-policy: learns from the mean over what it may do next, not from one draw",
    ),
    (
        "q-learning",
        "agents.tabular.rules.one_step:QLearning",
        "Off-policy temporal difference: learns the value of the best it could do",
    ),
    (
        "double-q-learning",
        "agents.tabular.rules.several_tables:DoubleQLearning",
        "Two tables: one picks the best action, the other says what it is worth",
    ),
    (
        "double-expected-sarsa",
        "agents.tabular.rules.several_tables:DoubleExpectedSarsa",
        "Two tables, each learning from the other's mean over what it may do",
    ),
    (
        "maxmin-q-learning",
        "agents.tabular.rules.several_tables:MaxminQLearning",
        "Several tables; learns from the best action by the lowest of them",
    ),
    (
        "weighted-q-learning",
        "agents.tabular.rules.several_tables:WeightedQLearning",
        "Next actions weighted by how likely each of them is the best",
    ),
    (
        "speedy-q-learning",
        "agents.tabular.rules.one_step:SpeedyQLearning",
        "Full steps where the target moves, small ones where chance is averaged out",
    ),
    (
        "r-learning",
        "agents.tabular.rules.one_step:RLearning",
        "Learns the best average reward of a step; nothing is discounted",
    ),
    (
        "n-step-sarsa",
        "agents.tabular.rules.n_step:NStepSarsa",
        "On-policy: learns from the next n rewards and the value of what it does then",
    ),
    (
        "n-step-tree-backup",
        "agents.tabular.rules.n_step:NStepTreeBackup",
        "Off-policy: n rewards, and at each step the actions it did not take",
    ),
    (
        "sarsa-lambda",
        "agents.tabular.rules.traces:SarsaLambda",
        "Sarsa with eligibility traces: accumulating, replacing or true online",
    ),
    (
        "q-lambda",
        "agents.tabular.rules.traces:QLambda",
        "Watkins's Q(lambda): traces that reach back to the last action that was not greedy",
    ),
    (
        "monte-carlo",
        "agents.tabular.rules.monte_carlo:MonteCarlo",
        "Learns after each episode: values are means of returns",
    ),
    (
        "off-policy-monte-carlo",
        "agents.tabular.rules.monte_carlo:OffPolicyMonteCarlo",
        "Learns the greedy policy from episodes of another",
    ),
    (
        "dyna-q",
        "agents.tabular.rules.model_based:DynaQ",
        "Q-learning, also from steps simulated by its learned model",
    ),
    (
        "dyna-q-plus",
        "agents.tabular.rules.model_based:DynaQPlus",
        "Dyna-Q with a bonus for actions not tried for long",
    ),
    (
        "prioritized-sweeping",
        "agents.tabular.rules.model_based:PrioritizedSweeping",
        "Plans first where values would change most",
    ),
    (
        "r-max",
        "agents.tabular.rules.model_based:RMax",
        "Believes the best of what it does not know, and plans exactly",
    ),
    (
        "ucb-vi",
        "agents.tabular.rules.model_based:UcbVi",
        "Plans each step of an episode, with a bonus for what it knows little of",
    ),
    (
        "value-iteration",
        "agents.tabular.rules.planners:ValueIteration",
        "Knows the model: the optimum by sweeps of updates",
    ),
    (
        "policy-iteration",
        "agents.tabular.rules.planners:PolicyIteration",
        "Knows the model: the optimum by improving policies",
    ),
    (
        "modified-policy-iteration",
        "agents.tabular.rules.planners:ModifiedPolicyIteration",
        "Knows the model: between the two above",
    ),
    (
        "epsilon-soft",
        "agents.tabular.rules.planners:EpsilonSoft",
        "Knows the model: the best policy that must explore",
    ),
)


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The tabular agents, and the commands that work on any registered environment."""
    for name, location, summary in AGENTS:
        registry.agent(name, location, summary=summary)
    registry.command(
        "solve", "agents.commands.solve:solve", summary="The exact optimum of an environment."
    )
    registry.command(
        "play", "agents.commands.play:play", summary="Walk an environment with the keyboard."
    )
