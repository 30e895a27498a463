"""The networks that learn pieces."""
