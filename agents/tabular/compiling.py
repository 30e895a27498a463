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

from agents.tabular.addresses import loaded
from agents.tabular.compile_errors import explained
from agents.tabular.kernels import (
    ONE_STEP_SIGNATURE,
    OPTIONS,
    POLICY_ENTRY,
    POLICY_SIGNATURE,
    PROBABILITIES_SIGNATURE,
    RULE_ENTRY,
    RULE_SIGNATURE,
    UNCOUNTED,
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


def compiled_rule(rule: Callable[..., None], entry: Callable[..., Any] | None = None) -> Dispatcher:
    """An agent's rule, written as a plain function, compiled; see `compiled`."""
    return compiled(rule, ONE_STEP_SIGNATURE if is_short(rule) else RULE_SIGNATURE, entry)


def compiled_policy(name: str) -> Dispatcher:
    """A policy of `agents.tabular.policies.POLICIES`, compiled: it draws an action."""
    return compiled(POLICIES[name], POLICY_SIGNATURE)


def compiled_probabilities(name: str) -> Dispatcher:
    """The compiled function that fills an array with a policy's probabilities."""
    return compiled(PROBABILITIES[name], PROBABILITIES_SIGNATURE)


class Pointers(NamedTuple):
    """The functions that the compiled loop calls for an agent."""

    rule: Dispatcher
    policy: Dispatcher
    fill_probabilities: Dispatcher


def pointers(rule: Callable[..., None], policy: str) -> Pointers:
    """Compile a rule and a policy (by name) for the loop; a policy's probabilities only for a rule
    of the form that uses them."""
    short = is_short(rule)
    return Pointers(
        compiled_rule(rule, one_step_entry if short else rule_entry),
        compiled(POLICIES[policy], POLICY_SIGNATURE, policy_entry),
        compiled(no_probabilities if short else PROBABILITIES[policy], PROBABILITIES_SIGNATURE),
    )


function: Any = None
"""In the entries below: the rule or the policy. A global, because the contents of a closure belong
to the key of numba's cache, and a compiled function has another key in each process."""


def rule_entry(context, step, fill_probabilities):  # type: ignore[no-untyped-def]
    """A rule of the long form as the loop calls it."""
    given = loaded(context)
    return function(given.own, step, fill_probabilities, given.rng)


def one_step_entry(context, step, fill_probabilities):  # type: ignore[no-untyped-def]
    """A rule of the short form."""
    return function(loaded(context).own.q, step)


def policy_entry(context, state, epsilon):  # type: ignore[no-untyped-def]
    """A policy."""
    given, own = loaded(context), loaded(context).own
    return function(own.q, own.counts, state, epsilon, given.first_ties, given.rng)


ENTRIES = {rule_entry: RULE_ENTRY, one_step_entry: RULE_ENTRY, policy_entry: POLICY_ENTRY}
"""What the loop calls in place of a rule or a policy, and the types of its arguments."""


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
def compiled(
    function: Callable[..., Any], form: Signature, entry: Callable[..., Any] | None = None
) -> Dispatcher:
    """Compile a plain function; called from Python, it takes and returns the same values as before.

    Plain functions that it calls are compiled into it. They must be in the same file: numba checks
    only that file when it decides whether its cache is still valid.

    Args:
        function: it may use only arrays and numbers.
        form: the types of its arguments and of its result.
        entry: calls it as `function`, and is compiled in its place; see `ENTRIES`.

    Raises:
        UsageError: when it calls a plain function of another file.
        PluginError: when it cannot be compiled, with the line and what is wrong there.
    """
    with suppress(NumbaError, UnsupportedBytecodeError):  # it creates arrays, or has an error
        return _jitted(function, form, UNCOUNTED, entry)
    try:
        return _jitted(function, form, {}, entry)
    except (NumbaError, UnsupportedBytecodeError) as error:
        if entry is not None:  # whose line it would be
            compiled(function, form)
        raise PluginError(explained(error, function)) from error


def _jitted(
    function: Callable[..., Any],
    form: Signature,
    options: dict[str, bool],
    entry: Callable[..., Any] | None,
) -> Dispatcher:
    code = function.__code__
    whole = _with_helpers(function, code.co_filename, options, {})
    if entry is not None:
        inner = _inlined(whole, options)
        # numba looks for the cache, and whether it is still valid, beside the file of the code
        place = entry.__code__.replace(
            co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
        )
        whole = FunctionType(place, {**entry.__globals__, "function": inner}, entry.__name__)
        whole.__module__ = function.__module__
        whole.__qualname__ = f"{function.__qualname__}.{entry.__name__}"
        form = ENTRIES[entry]
    # numba's cache is looked up by qualified name and types. Swapping two fields of the same type
    # changes neither, so a digest of the fields is added to the name
    whole.__qualname__ += _fields(form)
    return njit(form, **OPTIONS, **options)(whole)


def _inlined(function: FunctionType, options: dict[str, bool]) -> Dispatcher:
    """A function that is compiled into its caller: handing an array or a generator to another
    function counts references, atomically."""
    return njit(nogil=True, error_model="numpy", forceinline=True, **options)(function)


def _fields(form: Signature) -> str:
    """A digest of the fields of all named tuples among the arguments, in their order."""
    found: list[Any] = []
    kinds = list(form.args)
    for kind in kinds:
        if isinstance(kind, types.CPointer):
            kinds.append(kind.dtype)
        elif isinstance(kind, types.NamedTuple):
            found.append(kind.fields)
            kinds += kind.types
    return f".{hashlib.sha256(repr(found).encode()).hexdigest()[:8]}" if found else ""


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
        known[name] = _inlined(_with_helpers(helper, file, options, known), options)
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
