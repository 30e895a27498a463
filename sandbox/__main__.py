"""`python -m sandbox`. Its own root comes before the working directory, so that a folder named
envs/ or agents/ there does not shadow ours.
"""

import os
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)


def own_root_first() -> None:
    """Move the working directory, which `python -m` puts first on the path, behind the sandbox's
    own root.
    """
    here = sys.path[0] if sys.path else ""
    if here in ("", os.getcwd()) and os.path.realpath(here or ".") != ROOT:
        sys.path[:] = sys.path[1:] + [ROOT] * (ROOT not in sys.path[1:]) + [here]
    elif ROOT not in sys.path:
        sys.path.insert(0, ROOT)


if __name__ == "__main__":
    own_root_first()
    from sandbox.cli import main

    sys.exit(main())
