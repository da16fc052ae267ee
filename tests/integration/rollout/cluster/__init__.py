"""A stand-in for a Kubernetes API server, as strict as the published API descriptions."""
