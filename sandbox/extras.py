"""Optional libraries: the error of a missing one says what needs it and how to install it."""

from __future__ import annotations

import importlib.util
import sys

from sandbox.errors import UsageError


def need(what: str, extra: str, *modules: str) -> None:
    """Make sure that modules of an extra are installed; none is loaded.

    Args:
        what: what needs them, as the beginning of a sentence ("Lab 'mnist'").
        extra: the extra of our package that installs them ("torch").
        modules: as they are imported.

    Raises:
        UsageError: naming the first that is missing.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise missing(what, extra, module)


def missing(what: str, extra: str, library: str) -> UsageError:
    """The error that says that a library is not installed; arguments as in `need`."""
    install = f'python -m pip install "sandbox-lab[{extra}]"'
    here = f"for the Python in {sys.prefix}"
    return UsageError(f"{what} needs {library}, which is not installed: {install} ({here}).")
