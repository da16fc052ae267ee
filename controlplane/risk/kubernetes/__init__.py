"""Kubernetes manifests, before and after: what the new ones bring in."""
