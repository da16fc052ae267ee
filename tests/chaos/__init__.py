"""Faults on real processes: a whole production, struck while it releases, and looked at after."""
