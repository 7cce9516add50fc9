"""Weights to SavedModel, LiteRT and releases."""
