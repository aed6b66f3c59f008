"""Measures trained networks and whole drawings: prompt lists, statistics, nearest neighbours, contact sheets."""
