"""Starts: the first parameters of a picture; the default one composes drawings of the bank (`bank.py`)."""
