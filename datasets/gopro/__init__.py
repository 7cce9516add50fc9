"""GOPRO_Large as a TFDS builder."""

from datasets.gopro.gopro_dataset_builder import Builder

__all__ = ["Builder"]
