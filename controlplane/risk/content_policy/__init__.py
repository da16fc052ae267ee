"""Policies of what is shown to whom: weights of a ranking, thresholds and rules of moderation."""
