"""Losses: what the loop minimises, one value a picture."""
