"""Message sets: what to send, in which order, and what must come of it. See README.md for the format."""
