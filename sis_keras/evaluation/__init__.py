"""Scores of restored pictures, by protocol."""
