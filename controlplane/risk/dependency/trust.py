"""Where packages come from, and whether anything checks that they are what they were."""

from collections.abc import Iterator

from controlplane.risk.dependency.lock import Lock, Origin, Package
from controlplane.risk.dependency.telling import told
from controlplane.risk.signals import Severity, Signal


def _brought(before: Lock, after: Lock) -> Iterator[tuple[Package, list[Package]]]:
    """Each copy of `after` that is not word for word in `before`, with the family's old copies."""
    for family in sorted(after.packages):
        old = list(before.packages.get(family, ()))
        for package in after.packages[family]:
            yield package, old


_ORIGINS: dict[str, tuple[Severity, str, str]] = {
    "git": (
        "medium",
        "comes from a repository, not from a registry",
        "No release, and no advisories for it; who may push there may change it.",
    ),
    "http": (
        "medium",
        "comes from an address, not from a registry",
        "Whoever holds that address decides what is there tomorrow.",
    ),
    "path": (
        "medium",
        "comes from a path, not from a registry",
        "Where it is built otherwise something else or nothing is there.",
    ),
}


def origins(before: Lock, after: Lock) -> Iterator[Signal]:
    for package, old in _brought(before, after):
        origin = package.origin
        if origin.whence not in _ORIGINS or any(_same_place(one.origin, origin) for one in old):
            continue
        severity, summary, why = _ORIGINS[origin.whence]
        loose = origin.whence != "path" and not origin.fixed
        yield told(
            package,
            "source_not_fixed" if loose else "source_not_registry",
            "high" if loose else severity,
            f"{summary} ({origin.place[:100]})"
            + (", and nothing says which content it has to be" if loose else ""),
            why,
            "Take a release from the registry, or a commit's full hash from a copy of your own.",
        )


def _same_place(old: Origin, new: Origin) -> bool:
    return old.whence == new.whence and old.place == new.place and old.fixed <= new.fixed


def registries(before: Lock, after: Lock) -> Iterator[Signal]:
    everywhere = before.registries
    for package, old in _brought(before, after):
        place = package.origin.place
        # A new package may come from where others do.
        own = frozenset(one.origin.place for one in old if one.origin.whence == "registry")
        known = own or everywhere
        if package.origin.whence != "registry" or not place or not known or known == {""}:
            continue
        if place not in known:
            yield told(
                package,
                "registry_changed",
                "high",
                f"comes from another place ({', '.join(sorted(known))[:80]} → {place[:80]})",
                "The same name elsewhere is another package: dependency confusion.",
                "Confirm that place, and that the name is held by the same people there.",
            )


def settings(before: Lock, after: Lock) -> Iterator[Signal]:
    for option in sorted(after.settings.keys() - before.settings.keys()):
        yield Signal(
            id="index_added",
            severity="high",
            summary=f"Packages are looked for elsewhere: {option[:120]}",
            where=after.settings[option],
            why="With two indexes the higher version wins, whoever put it there.",
            remedy="Use one index that you hold and that passes on what you allow.",
        )


def hashes(before: Lock, after: Lock) -> Iterator[Signal]:
    for package, old in _brought(before, after):
        same = [one for one in old if one.version == package.version and one.hashes]
        if package.hashes and same and not any(_fit(one, package) for one in same):
            yield told(
                package,
                "integrity_changed",
                "high",
                f"other content under the same version ({package.version[:40]})",
                "A published version does not change; somebody put something else in its place.",
                "Find out who did, and compare both contents before anything is built.",
            )
        fetched = package.origin.whence in ("registry", "http")
        if not package.hashes and fetched and before.checked:
            had = any(one.hashes for one in old)
            if had or not old:
                yield told(
                    package,
                    "integrity_lost" if had else "integrity_missing",
                    "high" if had else "medium",
                    "its content is not checked" + (" any more" if had else ""),
                    "Whatever answers under that name is taken.",
                    "Generate the lock file again, with hashes.",
                )


def _fit(old: Package, new: Package) -> bool:
    common = old.hashes.keys() & new.hashes.keys()
    return all(old.hashes[slot] & new.hashes[slot] for slot in common)


def pins(before: Lock, after: Lock) -> Iterator[Signal]:
    for package, old in _brought(before, after):
        if package.loose and not any(one.loose == package.loose for one in old):
            yield told(
                package,
                "unpinned",
                "medium",
                f"no single version ({package.loose})",
                "Two builds of the same commit take different code, and an undo not the old one.",
                "Pin it (`==`), best with hashes.",
            )


def scripts(before: Lock, after: Lock) -> Iterator[Signal]:
    for package, old in _brought(before, after):
        if package.install_script and not any(one.install_script for one in old):
            yield told(
                package,
                "install_script",
                "high" if old else "medium",
                "runs a script when it is installed" + (", which it did not before" if old else ""),
                "It runs where you build, with what that may reach; worms spread that way.",
                "Read the script; install with `--ignore-scripts` and allow those you know.",
            )
