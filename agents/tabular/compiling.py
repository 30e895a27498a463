"""Compiles rules and policies to typed function pointers and caches them for later processes.

The loops take typed function pointers. With jitted functions as plain arguments, numba would
recompile the loop in every process; with functions called by name, the cached loop would keep their
old version after an edit. With pointers, the loop's cache does not contain the rule, and a rule's
own cache is renewed when its file changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from inspect import isfunction, signature
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.core.registry import CPUDispatcher as Dispatcher
from numba.core.typing import Signature

from agents.tabular.compile_errors import explained
from agents.tabular.kernels import (
    ONE_STEP_SIGNATURE,
    OPTIONS,
    POLICY_SIGNATURE,
    PROBABILITIES_SIGNATURE,
    RULE_SIGNATURE,
    UNCOUNTED,
    FillProbabilities,
    Own,
    Step,
)
from agents.tabular.policies import POLICIES, PROBABILITIES
from sandbox.errors import PluginError, UsageError

FORMS = "`rule(q, step)` or `rule(own, step, fill_probabilities, rng)`"
OLD_FORMS = (9, 20)
"""Numbers of arguments of rules before `Step` and `Own` existed."""


@cache
def is_short(rule: Callable[..., None]) -> bool:
    """Whether a rule has the form `rule(q, step)`; else it has the long one.

    Raises:
        PluginError: when it has neither, with what to write.
    """
    given, code = len(signature(rule).parameters), rule.__code__
    if given in (len(ONE_STEP_SIGNATURE.args), len(RULE_SIGNATURE.args)):
        return given == len(ONE_STEP_SIGNATURE.args)
    remedy = "see docs/write/agent.md"
    if given in OLD_FORMS:
        remedy = (
            "the form with an argument for everything is gone. Write `step.reward` for `reward`, "
            "`step.time` for `step`, `own.memory` for `memory`, `fill_probabilities` for "
            f"`chances`, and so on; {remedy}"
        )
    raise PluginError(
        f"The rule '{rule.__name__}' takes {given} arguments ({code.co_filename}, "
        f"line {code.co_firstlineno}); expected {FORMS}: {remedy}."
    )


def compiled_rule(rule: Callable[..., None]) -> Dispatcher:
    """An agent's rule, written as a plain function, compiled; see `compiled`."""
    return compiled(rule, ONE_STEP_SIGNATURE if is_short(rule) else RULE_SIGNATURE)


def compiled_policy(name: str) -> Dispatcher:
    """A policy of `agents.tabular.policies.POLICIES`, compiled: it draws an action."""
    return compiled(POLICIES[name], POLICY_SIGNATURE)


def compiled_probabilities(name: str) -> Dispatcher:
    """The compiled function that fills an array with a policy's probabilities."""
    return compiled(PROBABILITIES[name], PROBABILITIES_SIGNATURE)


class Pointers(NamedTuple):
    """The functions that the compiled loop calls for an agent."""

    rule: Dispatcher
    one_step: Dispatcher
    short: bool
    """Whether `one_step` is the agent's rule; else `rule` is. The other one is never called."""
    policy: Dispatcher
    fill_probabilities: Dispatcher


def pointers(rule: Callable[..., None], policy: str) -> Pointers:
    """Compile a rule and a policy (by name); functions that a rule of its form does not use are not
    compiled."""
    short = is_short(rule)
    return Pointers(
        compiled(no_rule if short else rule, RULE_SIGNATURE),
        compiled(rule if short else no_one_step, ONE_STEP_SIGNATURE),
        short,
        compiled_policy(policy),
        compiled(no_probabilities if short else PROBABILITIES[policy], PROBABILITIES_SIGNATURE),
    )


def no_rule(
    own: Own, step: Step, fill_probabilities: FillProbabilities, rng: np.random.Generator
) -> None:
    """Stands in for the long form where an agent's rule has the short one."""


def no_one_step(q: np.ndarray, step: Step) -> None:
    """Stands in for the short form where an agent's rule has the long one."""


def no_probabilities(
    q: np.ndarray, counts: np.ndarray, state: int, epsilon: float, first_ties: bool, out: np.ndarray
) -> None:
    """Stands in for a policy's probabilities where an agent's rule has the short form."""


@cache
def direct(function: Dispatcher) -> Callable[..., Any]:
    """A callable that runs a compiled function without numba's type lookup for its arguments.

    The lookup takes longer than a rule or a policy runs. Arrays of another type are still refused
    and numbers converted, but the fields of a named tuple are not converted.
    """
    (compilation,) = function.overloads.values()
    entry: Callable[..., Any] = compilation.entry_point
    return entry


@cache
def compiled(function: Callable[..., Any], form: Signature) -> Dispatcher:
    """Compile a plain function; called from Python, it takes and returns the same values as before.

    Plain functions that it calls are compiled into it. They must be in the same file: numba checks
    only that file when it decides whether its cache is still valid.

    Args:
        function: it may use only arrays and numbers.
        form: the types of its arguments and of its result.

    Raises:
        UsageError: when it calls a plain function of another file.
        PluginError: when it cannot be compiled, with the line and what is wrong there.
    """
    with suppress(NumbaError, UnsupportedBytecodeError):  # it creates arrays, or has an error
        return _jitted(function, form, UNCOUNTED)
    try:
        return _jitted(function, form, {})
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise PluginError(explained(error, function)) from error


def _jitted(function: Callable[..., Any], form: Signature, options: dict[str, bool]) -> Dispatcher:
    whole = _with_helpers(function, function.__code__.co_filename, options, {})
    # numba's cache is looked up by qualified name and types. Swapping two fields of the same type
    # changes neither, so a digest of the fields is added to the name
    whole.__qualname__ += _fields(form)
    return njit(form, **OPTIONS, **options)(whole)


def _fields(form: Signature) -> str:
    """A digest of the fields of all named tuples among the arguments, in their order."""
    fields = [kind.fields for kind in form.args if isinstance(kind, types.NamedTuple)]
    return f".{hashlib.sha256(repr(fields).encode()).hexdigest()[:8]}" if fields else ""


def _with_helpers(
    function: Callable[..., Any], file: str, options: dict[str, bool], known: dict[str, Any]
) -> FunctionType:
    """A copy of a function in which the plain functions that it calls are compiled ones."""
    names = function.__globals__
    for name in function.__code__.co_names:
        helper = names.get(name)
        if not isfunction(helper) or name in known:
            continue
        where = helper.__code__.co_filename
        if where != file:
            raise UsageError(
                f"'{function.__name__}' in {file} calls '{name}' of {where}; "
                "functions that compiled code calls must be in the same file."
            )
        # inlined: handing an array or a generator to another function counts references, atomically
        known[name] = njit(nogil=True, error_model="numpy", forceinline=True, **options)(
            _with_helpers(helper, file, options, known)
        )
    copy = FunctionType(
        function.__code__,
        {**names, **known},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
