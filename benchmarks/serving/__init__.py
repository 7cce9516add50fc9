"""TensorFlow Serving under load, against a stand-in or a server."""
