"""From metadata and files to a draft. `drafts.py` is the door."""
