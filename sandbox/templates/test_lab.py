"""The lab keeps what every lab promises, and finds what it should."""

import math

from example_module import ExamplePluginLab

import sandbox
from sandbox.testing import check_lab


def test_the_lab_conforms():
    check_lab(ExamplePluginLab)


def test_the_estimate_comes_as_near_as_it_should(tmp_path):
    run = sandbox.run("example-plugin", rounds=100, store=tmp_path, pictures=False)
    five_standard_errors = 5 * 4 * math.sqrt(math.pi / 4 * (1 - math.pi / 4) / 100_000)
    assert run.summary["error"] < five_standard_errors
