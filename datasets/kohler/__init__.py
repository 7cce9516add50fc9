"""The Köhler benchmark as a TFDS builder."""

from datasets.kohler.kohler_dataset_builder import Builder

__all__ = ["Builder"]
