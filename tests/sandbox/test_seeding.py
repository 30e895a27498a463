"""Generators by name: independent, reproducible, and none of them global."""

from __future__ import annotations

import random

import numpy as np

from sandbox.seeding import Generators, GlobalGenerators, generator


def test_a_generator_depends_on_seed_and_name_alone():
    alone, late = Generators(5), Generators(5)
    late["other"].random(100)
    assert (
        alone["agent"].random(4).tolist()
        == late["agent"].random(4).tolist()
        == generator(5, "agent").random(4).tolist()
    )


def test_names_and_seeds_give_different_streams():
    streams = {
        tuple(generator(seed, name).integers(2**62, size=3))
        for seed in range(5)
        for name in ("agent", "env", "a", "b")
    }
    assert len(streams) == 20


def test_state_and_restore_continue_every_generator():
    one = Generators(1)
    one["a"].random(3)
    one["b"].normal(size=2)
    kept = one.state()
    expected = [one["a"].random(), one["b"].random()]
    other = Generators(99)
    other.restore(kept)
    assert [other["a"].random(), other["b"].random()] == expected


def test_global_generators_are_the_runs_own_inside_and_untouched_outside():
    before = (random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tobytes())
    run = GlobalGenerators(7, ("python", "numpy"))
    drawn = []
    for _ in range(2):
        with run.active():
            drawn.append((random.random(), float(np.random.random())))
        random.random()  # somebody else draws in between
    again = GlobalGenerators(7, ("python", "numpy"))
    with again.active():
        assert drawn == [(random.random(), float(np.random.random())) for _ in range(2)]
    random.setstate(before[0])
    assert np.random.get_state(legacy=False)["state"]["key"].tobytes() == before[1]


def test_global_generators_go_on_after_state_and_restore():
    run = GlobalGenerators(7, ("python", "numpy"))
    with run.active():
        random.gauss(0, 1)
    kept = run.state()
    with run.active():
        expected = (random.gauss(0, 1), float(np.random.standard_normal()))
    other = GlobalGenerators(0, ("python", "numpy"))
    other.restore(kept)
    with other.active():
        assert (random.gauss(0, 1), float(np.random.standard_normal())) == expected
