"""The overview and the statistics."""
