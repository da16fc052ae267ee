"""Zones of DNS as octoDNS writes them down (octodns.readthedocs.io): what resolves to what."""
