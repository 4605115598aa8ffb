"""Recordings and scans to text, offline. Knows nothing of the hub or the channels."""
