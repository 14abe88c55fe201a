"""The loop of a worker: what comes in, what is examined and committed, what goes out, and the work of the pauses."""
