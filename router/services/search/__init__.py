"""Where is my document: the search over everything that the hub took in or refused, and the index under it."""
