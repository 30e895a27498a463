"""Exact solvers on a known model."""
