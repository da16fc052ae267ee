"""What a change of a lock file brings in and takes out: packages and their versions."""

from collections.abc import Callable, Iterator

from controlplane.risk.dependency.lock import Lock, Package, leading
from controlplane.risk.dependency.lookalikes import Names
from controlplane.risk.dependency.telling import told
from controlplane.risk.dependency.trust import hashes, origins, pins, registries, scripts, settings
from controlplane.risk.signals import Signal

Rule = Callable[[Lock, Lock], Iterator[Signal]]
MANY = 30
FIRST_YEAR = 1900  # from here on the first number is a year, which promises nothing


def _kept(before: Lock, after: Lock) -> Iterator[tuple[Package, Package]]:
    for family in sorted(before.packages.keys() & after.packages.keys()):
        yield leading(before.packages[family]), leading(after.packages[family])


def versions(before: Lock, after: Lock) -> Iterator[Signal]:
    for old, new in _kept(before, after):
        was, now = old.order, new.order
        if was is None or now is None or was == now:
            continue
        step = f"({old.version[:40]} → {new.version[:40]})"
        if now.numbers < was.numbers:
            yield told(
                new,
                "package_downgraded",
                "medium",
                f"an older version replaces a newer one {step}",
                "Fixes that the newer one had are gone, those of security with them.",
                "Say why it has to be the older one; best pin it with a comment.",
            )
        elif was.numbers[0] < now.numbers[0] < FIRST_YEAR:
            yield told(
                new,
                "package_major_bump",
                "low" if new.direct is False else "medium",
                f"the major version rises {step}",
                "A major version announces that something which callers rely on has changed.",
                "Read its notes on the upgrade, and take it alone.",
            )
        elif now.numbers[0] == was.numbers[0] == 0 and was.numbers[1] < now.numbers[1]:
            yield told(
                new,
                "package_zero_bump",
                "low",
                f"a version before 1.0 moves on {step}",
                "Before 1.0 each minor version may break what relies on it (semver.org, 4).",
                "Read its notes on the upgrade.",
            )
        if now.pre_release and not was.pre_release:
            yield told(
                new,
                "package_pre_release",
                "medium",
                f"the version is a pre-release {step}",
                "Its makers do not call it ready for production.",
                "Take the final version.",
            )


def added(before: Lock, after: Lock) -> Iterator[Signal]:
    new = [leading(after.packages[name]) for name in after.packages.keys() - before.packages.keys()]
    new = sorted((one for one in new if one.origin.whence != "own"), key=lambda one: one.name)
    for package in (one for one in new if one.direct):
        yield told(
            package,
            "package_added",
            "medium",
            f"is new ({package.version[:40] or 'no version'})",
            "Code that nobody here has run comes in, with whatever it does when it is loaded.",
            "See who keeps it, and how old and how used it is.",
        )
    yield from _listed([one for one in new if not one.direct], "packages_added", "come along")


def removed(before: Lock, after: Lock) -> Iterator[Signal]:
    gone = [
        leading(before.packages[name]) for name in before.packages.keys() - after.packages.keys()
    ]
    gone = sorted((one for one in gone if one.origin.whence != "own"), key=lambda one: one.name)
    if gone and not after.packages:
        yield Signal(
            id="lock_emptied",
            severity="high",
            summary=f"None of {len(gone)} packages is left",
            where="/artefact",
            why="It is more often a failed generation than an intention; the build takes nothing.",
            remedy="Generate the lock file again.",
        )
        return
    for package in (one for one in gone if one.direct):
        yield told(
            package,
            "package_removed",
            "medium",
            "is taken out",
            "What still loads it fails, at the start or only when it gets there.",
            "Search for what loads it, by name and by configuration.",
        )
    yield from _listed([one for one in gone if not one.direct], "packages_removed", "go")


def _listed(packages: list[Package], name: str, words: str) -> Iterator[Signal]:
    if packages:
        shown = ", ".join(package.name[:60] for package in packages[:8])
        yield Signal(
            id=name,
            severity="low",
            summary=f"{len(packages)} packages that others need {words}: {shown}"
            + ("…" if len(packages) > 8 else ""),
            where=packages[0].where,
            why="Nobody here asked for them; they run with the same rights as what was asked for.",
            remedy="Look through the list for what you would not expect.",
        )


def many(before: Lock, after: Lock) -> Iterator[Signal]:
    moved = sum(old.version != new.version for old, new in _kept(before, after))
    if moved > MANY:
        yield Signal(
            id="many_packages",
            severity="medium",
            summary=f"{moved} packages move at once",
            where="/artefact",
            why="When something breaks nobody can tell which of them it was.",
            remedy="Take them in groups; the large steps alone.",
        )


def lookalikes(before: Lock, after: Lock) -> Iterator[Signal]:
    new = after.packages.keys() - before.packages.keys()
    known = Names(before.packages) if new else None
    for family in sorted(new):
        other = known.like(family) if known else None
        if other:
            yield told(
                leading(after.packages[family]),
                "name_lookalike",
                "high",
                f"its name is one letter from `{other}`, which is taken already",
                "Names a slip away from known ones are how malicious packages get in.",
                "Make sure that this name is meant.",
            )


STANDING: tuple[Rule, ...] = (origins, settings, pins)
RULES: tuple[Rule, ...] = (
    versions, added, removed, many, origins, registries, settings, hashes, pins, scripts,
    lookalikes,
)  # fmt: skip
