"""Crops that are cut once and read from files of TensorFlow's kind."""
