"""Does everything that Graygate needs work, and if not, what mends it? Changes nothing."""
