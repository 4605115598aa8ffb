"""Seeing how the queue is doing: lists for commands, counts, boards."""
