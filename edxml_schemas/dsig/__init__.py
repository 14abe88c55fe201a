"""XMLDSig for one pinned profile: what it is, how it is read, matched and written. `signatures.py` is the door."""
