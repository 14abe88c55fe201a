"""The registry: organs as a tree, agents, certificates, imports, mergers, applications."""
