"""Proof that needs nobody's word: the sealed log, time stamps, the evidence package. Pure, offline."""
