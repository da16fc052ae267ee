"""Lock files of one package a line: requirements.txt, go.mod and go.sum."""

import re
from collections.abc import Iterator
from dataclasses import replace

from controlplane.risk.dependency.lock import (
    MOST_PACKAGES,
    Lock,
    Origin,
    Package,
    address,
    lock_of,
    without_login,
)
from controlplane.risk.reading import UnreadableError

# PEP 508, as far as a lock has it: a name, extras, then a range or an address.
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]{0,200})\s*(?:\[[^\]]{0,500}\])?\s*(.*)", re.DOTALL)
_PIN = re.compile(r"={2,3}\s*([^\s,*]{1,200})")
_HASH = re.compile(r"--hash[=\s]\s*(\w{1,20}):([0-9A-Fa-f]{8,200})")
_EGG = re.compile(r"[#&]egg=([\w.-]{1,200})")
_ASKING = ("--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--trusted-host")
_ADDRESSES = ("git+", "hg+", "svn+", "http://", "https://", "file:", "./", "../", "/")

_GO_SUM = re.compile(r"(\S{1,300}) (v[^\s/]{1,200})(/go\.mod)? (h1:\S{1,100})")
_GO_NEED = re.compile(r"(?:require\s+)?(\S{1,300})\s+(v\S{1,200})\s*(//.*)?")
_GO_REPLACE = re.compile(r"(?:replace\s+)?(\S{1,300})(?:\s+v\S+)?\s+=>\s+(\S{1,300})(?:\s+(v\S+))?")
ITSELF = Origin("registry", "its own name")  # in Go a name is an address
_GO_OTHERS = re.compile(r"(?:module|go|toolchain|godebug|exclude|retract|tool|ignore)\b.*")


def requirements(text: str) -> Lock:
    packages: list[Package] = []
    settings: dict[str, str] = {}
    for number, line in _joined(text):
        option, _, value = line.replace("=", " ", 1).partition(" ")
        if line.startswith("-") and option not in ("-e", "--editable"):
            if option in _ASKING:
                settings[f"{option} {without_login(value.strip())}"] = f"line {number}"
            continue
        packages.append(_requirement(line, f"line {number}"))
        if len(packages) > MOST_PACKAGES:
            break  # too many, which `lock_of` tells
    return lock_of(packages, settings)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines as pip joins them, without comments; with the number at which each begins."""
    parts: list[str] = []
    start = 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        start = start if parts else number
        parts.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            whole = " ".join(filter(None, parts))
            parts = []
            if whole:
                yield start, whole


def _requirement(line: str, where: str) -> Package:
    hashes: dict[str, frozenset[str]] = {}
    for algorithm, digest in _HASH.findall(line[:100_000]):
        hashes[algorithm] = hashes.get(algorithm, frozenset()) | {digest.lower()}
    wanted = re.sub(r"^(?:-e|--editable)[\s=]+", "", line.partition(" --hash")[0])
    wanted = wanted.partition(" ;")[0].strip()
    if wanted.startswith(_ADDRESSES):
        named = _EGG.search(wanted[:1000])
        name = named[1] if named else without_login(wanted).partition("#")[0]
        return Package(_normal(name), "", where, address(wanted), hashes, direct=True)
    match = _REQUIREMENT.fullmatch(wanted[:2000])
    if match is None or (match[2] and match[2][0] not in "=<>~!@;("):
        raise UnreadableError("a line that is no requirement")
    name, rest = _normal(match[1]), match[2].partition(";")[0].strip()
    if rest.startswith("@"):
        return Package(name, "", where, address(rest[1:].strip()), hashes, direct=True)
    pin = _PIN.fullmatch(rest.strip("()"))
    return Package(
        name=name,
        version=pin[1] if pin else "",
        where=where,
        hashes=hashes,
        direct=True,
        loose="" if pin else (rest[:60] or "any version"),
    )


def _normal(name: str) -> str:
    """PEP 503."""
    return name if "/" in name else re.sub(r"[-_.]+", "-", name).lower()


def go_sum(text: str) -> Lock:
    found: dict[tuple[str, str], Package] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _GO_SUM.fullmatch(line.strip())
        if match is None:
            if line.strip():
                raise UnreadableError("a line that is none of go.sum's")
            continue
        name, version, mod, digest = match.groups()
        known = found.get((name, version)) or Package(name, version, f"line {number}")
        hashes = {**known.hashes, mod or "module": frozenset({digest})}
        found[name, version] = replace(known, hashes=hashes)
    # A module of which only the go.mod is listed was looked at, not taken.
    return lock_of(package for package in found.values() if "module" in package.hashes)


def go_mod(text: str) -> Lock:
    needed: dict[str, Package] = {}
    replaced: dict[str, Origin] = {}
    for number, line, skipped in _directives(text):
        plain = line.partition(" //")[0].strip()
        other, need = _GO_REPLACE.fullmatch(plain), _GO_NEED.fullmatch(line)
        if other:
            replaced[other[1]] = _stand_in(other[2])
        elif need and not skipped:
            indirect = "indirect" in (need[3] or "")
            needed[need[1]] = Package(
                need[1], need[2], f"line {number}", ITSELF, direct=not indirect
            )
    return lock_of(
        replace(package, origin=replaced.get(name, package.origin))
        for name, package in needed.items()
    )


def _directives(text: str) -> Iterator[tuple[int, str, bool]]:
    block = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.endswith("("):
            block = line[:-1].strip()
        elif line == ")":
            block = ""
        elif line and not line.startswith("//"):
            yield number, line[:1000], bool(_GO_OTHERS.match(block or line))


def _stand_in(target: str) -> Origin:
    if target.startswith((".", "/")):
        return Origin("path", target[:200], fixed=False)
    return Origin("registry", target[:150])
