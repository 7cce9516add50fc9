"""TIFF in and out: samples of every kind, whole tags, many pages."""
