"""Who learns: tabular agents, exact solvers, and what control labs share.

Importing this package loads no more than names; the plugin below tells the registry what is here.
"""

from sandbox.hookspecs import hookimpl

AGENTS = (
    ("sarsa", "agents.td:Sarsa", "On-policy temporal difference: learns the value of what it does"),
    ("expected-sarsa", "agents.td:ExpectedSarsa", "On-policy: learns from the mean over what it may do next, not from one draw"),
    ("q-learning", "agents.td:QLearning", "Off-policy temporal difference: learns the value of the best it could do"),
    ("double-q-learning", "agents.estimators:DoubleQLearning", "Two tables: one picks the best action, the other says what it is worth"),
    (
        "double-expected-sarsa",
        "agents.estimators:DoubleExpectedSarsa",
        "Two tables, each learning from the other's mean over what it may do",
    ),
    ("maxmin-q-learning", "agents.estimators:MaxminQLearning", "Several tables; learns from the best action by the lowest of them"),
    ("weighted-q-learning", "agents.estimators:WeightedQLearning", "Next actions weighted by how likely each of them is the best"),
    ("speedy-q-learning", "agents.td:SpeedyQLearning", "Full steps where the target moves, small ones where chance is averaged out"),
    ("r-learning", "agents.td:RLearning", "Learns the best average reward of a step; nothing is discounted"),
    ("n-step-sarsa", "agents.n_step:NStepSarsa", "On-policy: learns from the next n rewards and the value of what it does then"),
    ("n-step-tree-backup", "agents.n_step:NStepTreeBackup", "Off-policy: n rewards, and at each step the actions it did not take"),
    ("sarsa-lambda", "agents.traces:SarsaLambda", "Sarsa with eligibility traces: accumulating, replacing or true online"),
    ("q-lambda", "agents.traces:QLambda", "Watkins's Q(lambda): traces that reach back to the last action that was not greedy"),
    ("monte-carlo", "agents.monte_carlo:MonteCarlo", "Learns after each episode: values are means of returns"),
    ("off-policy-monte-carlo", "agents.monte_carlo:OffPolicyMonteCarlo", "Learns the greedy policy from episodes of another"),
    ("dyna-q", "agents.model_based:DynaQ", "Q-learning, also from steps that its learned model makes up"),
    ("dyna-q-plus", "agents.model_based:DynaQPlus", "Dyna-Q, curious about what it has not tried for long"),
    ("prioritized-sweeping", "agents.model_based:PrioritizedSweeping", "Plans first where values would change most"),
    ("r-max", "agents.model_based:RMax", "Believes the best of what it does not know, and plans exactly"),
    ("ucb-vi", "agents.model_based:UcbVi", "Plans each step of an episode, with a bonus for what it knows little of"),
    ("value-iteration", "agents.planners:ValueIteration", "Knows the model: the optimum by sweeps of updates"),
    ("policy-iteration", "agents.planners:PolicyIteration", "Knows the model: the optimum by improving policies"),
    ("modified-policy-iteration", "agents.planners:ModifiedPolicyIteration", "Knows the model: between the two above"),
    ("epsilon-soft", "agents.planners:EpsilonSoft", "Knows the model: the best policy that must explore"),
)


@hookimpl
def sandbox_register(registry):  # type: ignore[no-untyped-def]
    """The tabular agents, and the commands that work on any of our environments."""
    for name, location, summary in AGENTS:
        registry.agent(name, location, summary=summary)
    registry.command("solve", "agents.commands.solve:solve", summary="The exact optimum of an environment.")
    registry.command("play", "agents.commands.play:play", summary="Walk an environment with the keyboard.")
