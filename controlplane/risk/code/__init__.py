"""A code change: what its diff and its history say about the chance of a defect."""
