"""Envelopes whose markup was met before: only their texts are new, and only those are looked at. `memory.py` is the
door."""
