"""Changes to pictures that exist: variations, morphs and edits, as tensors and as files."""
