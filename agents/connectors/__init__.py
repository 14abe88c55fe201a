"""How a document system plugs into an agent."""
