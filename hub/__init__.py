"""The clue hub for 12336: one normalized clue queue and the platform that works it."""
