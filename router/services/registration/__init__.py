"""Who is who: changes to the registry, and its files."""
