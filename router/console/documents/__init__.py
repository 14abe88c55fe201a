"""The search, and the page of each document."""
