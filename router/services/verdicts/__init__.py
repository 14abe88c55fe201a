"""From submissions to verdicts, with the hub's memory: taking in, looking up, and asking again what was left open."""
