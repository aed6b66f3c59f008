"""The optimisation: from a config to a scene, steps, and a batch of finished pictures."""
