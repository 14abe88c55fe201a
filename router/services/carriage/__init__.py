"""From an accepted document to its recipients: outbox, legs, holds, deadlines, and what agents report."""
