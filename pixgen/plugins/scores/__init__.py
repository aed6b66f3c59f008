"""Scores: judge finished pictures."""
