"""Keras: `.keras`, `.h5`, `.weights.h5` and the JSON of a model, without Keras."""
