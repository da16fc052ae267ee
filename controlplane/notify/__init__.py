"""News for on-call: the outbox fanned out into deliveries, each signed, retried, never lost."""
