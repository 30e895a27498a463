"""Short names for signatures: environments and spaces with observations and actions of any kind."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import spaces

Env = gymnasium.Env[Any, Any]
Space = spaces.Space[Any]
Info = dict[str, Any]
"""What `reset` and `step` return beside an observation, and the `options` of `reset`."""
