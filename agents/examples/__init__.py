"""Short examples of the library; README.md shows them, and tests run them."""
