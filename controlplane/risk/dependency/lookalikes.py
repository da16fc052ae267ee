"""Names that are one slip of the finger apart (Damerau-Levenshtein distance 1)."""

from collections import defaultdict
from collections.abc import Iterable

SHORTEST, LONGEST = 5, 60  # shorter names are alike by chance
MOST_ALIKE = 20  # under one key; so many are a series, not a slip


class Names:
    """Candidates share what is left when one letter is taken out (SymSpell's deletions), so
    that a lock file of thousands needs no thousands of comparisons a name.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._by_rest: dict[str, list[str]] = defaultdict(list)
        for name in known:
            for rest in _rests(name):
                if len(self._by_rest[rest]) < MOST_ALIKE:
                    self._by_rest[rest].append(name)

    def like(self, name: str) -> str | None:
        candidates = {one for rest in _rests(name) for one in self._by_rest.get(rest, ())}
        return min((one for one in candidates if _mistakable(one, name)), default=None)


def _rests(name: str) -> set[str]:
    if not SHORTEST <= len(name) <= LONGEST:
        return set()
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


def _mistakable(known: str, name: str) -> bool:
    """Not within one owner's names (a scope, a repository's host and account), whom nobody else
    can add to; nor `sha1` and `sha2`.
    """
    owner = known.rpartition("/")[0]
    if owner and owner == name.rpartition("/")[0]:
        return False
    letters = ["".join(c for c in one if not c.isdigit()) for one in (known, name)]
    return letters[0] != letters[1] and one_edit(known, name)


def one_edit(first: str, second: str) -> bool:
    if first == second:
        return False
    short, long = sorted((first, second), key=len)
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = long[at + 1 : at + 2] + long[at : at + 1]
    return short[at + 1 :] == long[at + 1 :] or short[at:] == swapped + long[at + 2 :]
