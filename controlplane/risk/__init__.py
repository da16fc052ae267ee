"""Pure classification: artefact → signals → score → level → policy.

Nothing here imports Django or reads a clock; `classify.classify` is the way in.
"""
