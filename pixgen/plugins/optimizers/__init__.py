"""Optimisers, by the names of `torch.optim`."""
