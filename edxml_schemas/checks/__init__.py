"""The schemas on two engines, and the rules beside them. `schemas.py` is the door."""
