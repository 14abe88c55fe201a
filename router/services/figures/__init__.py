"""Figures: counting the log into sums, and what pages, commands and metrics show of them."""
