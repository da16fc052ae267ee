"""JSON pointers (RFC 6901): where in a case, a body or a document something stands. PURE."""

# Told of each value of a body: a long key over many would take as often its length.
LONGEST = 300


def pointer_step(key: object) -> str:
    """One step, escaped."""
    return str(key).replace("~", "~0").replace("/", "~1")


def below(pointer: str, key: object) -> str:
    """The pointer one step further in, as far as it is told at all."""
    return f"{pointer}/{pointer_step(str(key)[:LONGEST])}"[:LONGEST]
