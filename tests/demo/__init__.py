"""`make demo`: a small country exchanges signed documents through the real hub, and every outcome is checked."""
