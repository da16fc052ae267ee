"""AWS's wildcards, `*` and `?`, in time that grows with the length only: policies are hostile."""


def matches(pattern: str, text: str) -> bool:
    """`text` is taken literally. Greedy from the left: the earliest place is as good as any."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return _same(pattern, text)
    head, tail = parts[0], parts[-1]
    if len(head) + len(tail) > len(text):
        return False
    if not _same(head, text[: len(head)]) or not _same(tail, text[len(text) - len(tail) :]):
        return False
    begin, end = len(head), len(text) - len(tail)
    for part in parts[1:-1]:
        begin = _find(part, text, begin, end)
        if begin < 0:
            return False
        begin += len(part)
    return True


def meet(one: str, other: str) -> bool:
    """Whether some text matches both. Two patterns that both have a `*` meet as soon as their
    beginnings and their ends agree: each star takes in the middle of the other.
    """
    if "*" not in other:
        return matches(one, other)
    if "*" not in one:
        return matches(other, one)
    heads = one.partition("*")[0], other.partition("*")[0]
    tails = one.rpartition("*")[2][::-1], other.rpartition("*")[2][::-1]
    return all(_agree(*pair) for pair in (heads, tails))


def _agree(one: str, other: str) -> bool:
    return all(a == b or "?" in (a, b) for a, b in zip(one, other, strict=False))


def _same(pattern: str, text: str) -> bool:
    return pattern == text or (len(pattern) == len(text) and _agree(pattern, text))


def _find(part: str, text: str, begin: int, end: int) -> int:
    if "?" not in part:
        return text.find(part, begin, end)
    last = end - len(part)
    return next((at for at in range(begin, last + 1) if _same(part, text[at : at + len(part)])), -1)
