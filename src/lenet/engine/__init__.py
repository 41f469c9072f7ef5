"""Descriptions to torch: build, train, test, time; knows no dialect."""
