"""Attached files: names made safe, ZIPs looked into. `attachments.py` is the door."""
