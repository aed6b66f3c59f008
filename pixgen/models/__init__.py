"""Other people's checkpoints: the zoo, downloads, the cache, and reading them without running their code."""
