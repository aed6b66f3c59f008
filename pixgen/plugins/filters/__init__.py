"""Filters: change pictures between the generator and the cutter."""
