"""TFDS builders of the deblurring data sets, and the command preparing them."""
