"""Pairs of blurred and sharp pictures: sources, caches, pools, crops."""
