"""Perceptors: CLIP-like pairs of image and text encoders."""
