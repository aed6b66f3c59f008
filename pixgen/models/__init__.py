"""The zoo of checkpoints: which there are, where they lie, how they are fetched, read and checked."""
