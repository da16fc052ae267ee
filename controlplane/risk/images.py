"""Container image references and version numbers, read from text."""

import re
from dataclasses import dataclass

_TAG = re.compile(r"[\w][\w.-]{0,127}")
_VERSION = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.\d{1,9})*([-+.]?[A-Za-z][\w.+-]*)?"
)
_PRE_RELEASE = re.compile(r"(?:^|[-.\d])(alpha|beta|rc|snapshot|dev|nightly|pre|preview)(?![a-z])")
_HASH = re.compile(r"[0-9a-f]{7,64}")
MOVING_TAGS = frozenset({"latest", "stable", "main", "master", "edge", "dev", "nightly", "prod"})


@dataclass(frozen=True, slots=True)
class Image:
    """`registry/name:tag@digest`; tag and digest may be missing."""

    repository: str
    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class Version:
    numbers: tuple[int, int, int]
    suffix: str

    @property
    def pre_release(self) -> bool:
        return _PRE_RELEASE.search(self.suffix.lower()) is not None


def image_of(text: str) -> Image | None:
    """None: not an image reference (white space, or an illegal tag)."""
    name, _, digest = text.strip().partition("@")
    if not name or len(name) > 500 or any(letter.isspace() for letter in name + digest):
        return None
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    if not base or (tag and not _TAG.fullmatch(tag)):
        return None
    return Image(head + slash + base, tag, digest)


def version_of(text: str) -> Version | None:
    """None for what carries no order, such as a commit's hash."""
    word = text.strip()[:128]
    match = _VERSION.fullmatch(word)
    if match is None or _HASH.fullmatch(word):
        return None
    major, minor, patch = (int(part or 0) for part in match.group(1, 2, 3))
    return Version((major, minor, patch), match[4] or "")
