"""The rows of the catalogue of codes, grouped as people meet them. `catalogue.py` is the way in."""
