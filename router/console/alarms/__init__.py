"""Alarms on the console: what stands, what is quieted, what is over, and what people were told."""
