"""Durable work: rows in SQL are the truth, RQ jobs are wake-ups, foreign bytes are read in a limited child."""
