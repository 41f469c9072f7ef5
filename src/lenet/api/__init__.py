"""The Python interface: load, train, test, and what they give."""
