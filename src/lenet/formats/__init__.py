"""Bytes to plain values and back; no format knows what a network is."""
