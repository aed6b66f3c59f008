"""Cutters: draw random views of the pictures for the perceptors."""
