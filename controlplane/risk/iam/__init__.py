"""AWS policies: what they allow that they should not, and what in them cannot work."""
