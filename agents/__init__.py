"""The agency's side: an agent packages, signs and sends documents, and keeps what arrives until somebody takes it."""
