"""The text of prompts: the grammar (escapes, braces, weights) and wildcards."""
