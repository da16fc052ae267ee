"""Which past changes a change is like: TF-IDF and cosine over what is told of each. PURE.

Words are kept apart by what they are of: a service `cart` is not the word cart in a title. Of the
artefact only the names of its keys count, never a value: values may be secrets.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MOST_SHOWN = 3
# Set by hand. A kind in common, or a word that half of all titles have, is below it.
THRESHOLD = 0.4
# Of an artefact's text; the rest of a long one says little more about what it is.
ARTEFACT_CHARACTERS = 1_500
MOST_KEYS = 100

_WORD = re.compile(r"[^\W\d_][\w-]+")
_KEY = re.compile(r"""(?:^|[\s{,["'])([A-Za-z][\w.-]{0,60})["']?\s?[:=]""")


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one change. `artefact`: the beginning of its text, a document's as JSON."""

    title: str
    kind: str
    services: tuple[str, ...]
    signals: tuple[str, ...]
    artefact: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    told: Told
    harmful: bool


def similar(new: Told, past: Sequence[Past]) -> list[tuple[int, float]]:
    """(place in `past`, cosine), the likest first: of the harmful ones only. How rare a word is
    tell all of them.
    """
    places = [place for place, each in enumerate(past) if each.harmful]
    if not places:
        return []
    counted = [Counter(_words(each.told)) for each in past]
    spread = Counter(word for words in counted for word in words)
    asked = Counter(_words(new))
    near = _cosines(asked, [counted[place] for place in places], spread, len(past))
    # Of equals the first: callers give the newest first.
    order = np.argsort(-near, kind="stable")[:MOST_SHOWN]
    return [(places[i], float(near[i])) for i in order if near[i] >= THRESHOLD]


def _cosines(
    asked: Counter[str], others: Sequence[Counter[str]], spread: Counter[str], size: int
) -> np.ndarray:
    index = {word: i for i, word in enumerate(asked.keys() | spread.keys())}
    rarity = np.zeros(len(index))
    for word, i in index.items():
        rarity[i] = np.log((1 + size) / (1 + spread[word])) + 1
    rows = np.repeat(np.arange(len(others)), [len(words) for words in others])
    columns = np.array([index[word] for words in others for word in words], dtype=int)
    counts = np.array([count for words in others for count in words.values()], dtype=float)
    weights = (1 + np.log(counts)) * rarity[columns]
    wanted = np.zeros(len(index))
    for word, count in asked.items():
        wanted[index[word]] = (1 + np.log(count)) * rarity[index[word]]
    dots = np.bincount(rows, weights * wanted[columns], minlength=len(others))
    norms = np.sqrt(np.bincount(rows, weights**2, minlength=len(others)))
    return np.asarray(dots / (norms * np.linalg.norm(wanted)))


def _words(told: Told) -> Iterator[str]:
    yield f"kind {told.kind}"
    yield from (f"service {name}" for name in told.services)
    yield from (f"signal {name}" for name in set(told.signals))
    yield from (f"title {word.lower()}" for word in _WORD.findall(told.title))
    yield from (f"key {name}" for name in keys(told.artefact))


# The same past is compared with change after change.
@lru_cache(maxsize=8_192)
def keys(artefact: str) -> tuple[str, ...]:
    """Names before a colon or an equals sign. A text out of JSON has its line ends as letters."""
    text = artefact[:ARTEFACT_CHARACTERS].replace("\\n", "\n").replace('\\"', '"')
    return tuple(sorted(set(_KEY.findall(text)))[:MOST_KEYS])
