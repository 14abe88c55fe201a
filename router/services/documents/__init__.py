"""One document: what stands in it, who signed it, what became of it, and what of that somebody may see."""
