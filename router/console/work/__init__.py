"""Work lists: what waits for somebody's hand, and what they do about it."""
