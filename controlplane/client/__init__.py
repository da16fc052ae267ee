"""What a CI job runs, and how the server hands it out. `graygate.py` stands alone: it imports
nothing but the standard library, and nothing of Graygate.
"""
