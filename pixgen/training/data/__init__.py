"""Data sets of the trainings: open drawings, the user's pictures, and scenes composed from them."""
