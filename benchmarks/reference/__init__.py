"""Every agent on every task with equal env steps."""
