"""Feature flags as flagd has them (flagd.dev/schema/v0/flags.json): who gets what."""
