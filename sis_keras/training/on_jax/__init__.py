"""Content training on a GPU without TensorFlow."""
