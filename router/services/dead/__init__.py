"""Dead letters: kept, explained, sent back once, or discarded."""
