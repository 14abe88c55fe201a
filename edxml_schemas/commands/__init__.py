"""The commands of `edxml`, one module each family. `cli.py` is the way in and imports them late."""
