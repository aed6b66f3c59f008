"""Tests of pixgen.explanation."""
