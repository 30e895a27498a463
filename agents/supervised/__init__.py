"""Epoch training of PyTorch models, shared by the supervised labs."""
