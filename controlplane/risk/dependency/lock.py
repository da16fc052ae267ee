"""What a lock file says, whatever its format: packages, where from, and how they are checked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from controlplane.risk.images import Version, version_of
from controlplane.risk.reading import UnreadableError

MOST_PACKAGES = 20_000
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# Go writes the major version into the name: github.com/a/b/v2, gopkg.in/b.v2.
_GO_MAJOR = re.compile(r"(?<=[^/])(?:/|\.)v\d{1,9}$")

Whence = Literal["registry", "git", "http", "path", "own"]


@dataclass(frozen=True, slots=True)
class Origin:
    """`own`: a member of the same project. `place`: a host or an address, without a login."""

    whence: Whence = "registry"
    place: str = ""
    # Whether the same address gives the same content tomorrow.
    fixed: bool = True


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str
    where: str
    origin: Origin = Origin()
    # By file or algorithm, the hashes of which one has to fit.
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # None: the file does not tell.
    direct: bool | None = None
    install_script: bool = False
    # The range, where it is no single version.
    loose: str = ""
    # Of several copies the one that the project itself gets.
    leading: bool = False

    @property
    def family(self) -> str:
        return _GO_MAJOR.sub("", self.name)

    @property
    def order(self) -> Version | None:
        return version_of(self.version)


@dataclass(frozen=True, slots=True)
class Lock:
    """`packages` by family; `settings`: options by which others than the named are asked."""

    packages: Mapping[str, tuple[Package, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    # Whether this format, as it is used here, checks what it fetched.
    checked: bool = False

    @property
    def registries(self) -> frozenset[str]:
        every = (package.origin for copies in self.packages.values() for package in copies)
        return frozenset(origin.place for origin in every if origin.whence == "registry")


def lock_of(packages: Iterable[Package], settings: Mapping[str, str] | None = None) -> Lock:
    """Raises UnreadableError: there are too many."""
    families: dict[str, list[Package]] = {}
    for count, package in enumerate(packages, start=1):
        if count > MOST_PACKAGES:
            raise UnreadableError(f"more than {MOST_PACKAGES:,} packages")
        families.setdefault(package.family, []).append(package)
    fixed = {name: tuple(copies) for name, copies in families.items()}
    checked = any(package.hashes for copies in fixed.values() for package in copies)
    return Lock(fixed, settings or {}, checked)


def leading(copies: Iterable[Package]) -> Package:
    """Of several versions the project's own, else the newest."""
    return max(
        copies, key=lambda one: (one.leading, one.order.numbers if one.order else (-1, -1, -1))
    )


def address(text: str) -> Origin:
    """`git+ssh://…#commit`, `https://…/a.tgz`, `file:../a`; a registry is told by who calls."""
    head, _, fragment = text.partition("#")
    shown = without_login(head)
    if text.startswith(("git+", "git:", "git@", "github:", "gitlab:", "bitbucket:", "ssh:")):
        at = head.rpartition("@")[2] if "://" in head else ""
        named = [fragment.partition("&")[0], at]
        return Origin("git", shown, any(_COMMIT.fullmatch(name) for name in named))
    if text.startswith(("http:", "https:")):
        return Origin("http", shown, text.startswith("https:"))
    return Origin("path", shown, fixed=False)


def without_login(url: str) -> str:
    """Nor what is asked for behind `?`, which may be a token."""
    return re.sub(r"//[^/@\s]{1,500}@", "//", url[:1000].partition("?")[0])[:200]


def host(url: str) -> str:
    try:
        return (urlsplit(url[:1000]).hostname or "")[:200]
    except ValueError:
        return ""
