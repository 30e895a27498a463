"""G1 and G2: the findings of Lab 06's report in the empty grid; see the table claims.toml."""

from __future__ import annotations

from agents.control import claims
from sandbox.reproduction.table import read_claims

SETTINGS = claims.read_settings("plugins.empty_grid")
CLAIMS = read_claims("plugins.empty_grid", claims.by_name(SETTINGS, vars(claims)))
