"""Schedulers: numbers that change over a run."""
