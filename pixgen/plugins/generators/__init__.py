"""Generators: turn parameters into pictures, differentiably."""
