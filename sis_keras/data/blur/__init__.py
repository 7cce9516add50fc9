"""Blurred pictures made of sharp ones."""
