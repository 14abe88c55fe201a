"""What makes a certificate fit to sign, and whether it was revoked. `trust.py` is the door."""
