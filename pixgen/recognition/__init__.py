"""CLIP as a classifier, for search, and to describe pictures in words."""
