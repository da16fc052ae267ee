"""Signals on which files a diff touches: tests, migrations, pipelines, what cannot be read."""

from collections.abc import Callable, Iterable, Sequence

from controlplane.risk.code import paths
from controlplane.risk.code.diff import Diff, FileChange
from controlplane.risk.signals import Reversibility, Severity, Signal

# Added lines of code from which a change without a test is worth a question, and a flag.
UNTESTED, UNTESTED_MUCH = 10, 100
EXECUTABLE, LINK, SUBMODULE = "100755", "120000", "160000"
MOST_NAMED = 5

Touched = Sequence[tuple[FileChange, paths.Kind]]


def signals(diff: Diff) -> list[Signal]:
    touched = [(change, paths.kind_of(change.path)) for change in diff.files]
    found = [signal for rule in RULES for signal in rule(touched)]
    return found if diff.cut_at is None else [*found, _cut(diff.cut_at)]


def _cut(line: int) -> Signal:
    return Signal(
        id="diff_cut",
        severity="high",
        summary=f"The diff breaks off inside a hunk, at line {line}",
        where=f"line {line}",
        why="What was cut off was read by nobody.",
        remedy="Send the whole diff; many tools shorten a long one.",
    )


def _signal(  # noqa: PLR0913, PLR0917  # the fields of a signal
    name: str,
    severity: Severity,
    summary: str,
    changes: Sequence[FileChange],
    why: str,
    remedy: str,
    reversibility: Reversibility = "reversible",
) -> Signal:
    named = ", ".join(change.path for change in changes[:MOST_NAMED])
    more = f" and {len(changes) - MOST_NAMED} more" if len(changes) > MOST_NAMED else ""
    text, where = f"{summary}: {named}{more}", f"line {changes[0].at}"
    return Signal(name, severity, text, where, why, remedy, reversibility=reversibility)


def tests_missing(touched: Touched) -> Iterable[Signal]:
    code = [change for change, kind in touched if kind.source and len(change.added) > 0]
    lines = sum(len(change.added) for change in code)
    if lines < UNTESTED or any(kind.test and change.added for change, kind in touched):
        return
    yield _signal(
        "tests_missing",
        "medium" if lines >= UNTESTED_MUCH else "low",
        f"{lines:,} lines of code come without a line of test",
        code,
        "Nothing shows that the new code does what it should, today or after the next change.",
        "Add a test that fails without the change.",
    )


def tests_removed(touched: Touched) -> Iterable[Signal]:
    """Unless the code that they tested goes as well."""
    code_goes = any(kind.source and change.status == "deleted" for change, kind in touched)
    gone = [change for change, kind in touched if kind.test and change.status == "deleted"]
    gone = [change for change in gone if paths.suffix(change.path) in paths.SOURCE]
    if gone and not code_goes:
        yield _signal(
            "tests_removed",
            "medium",
            "Tests are deleted while the code stays",
            gone,
            "What they guarded is unguarded from now on.",
            "Repair the tests, or say in the change what makes them needless.",
        )


def migrations(touched: Touched) -> Iterable[Signal]:
    found = [change for change, kind in touched if kind.migration and change.status == "added"]
    if found:
        yield _signal(
            "touches_migrations",
            "medium",
            "The change brings database migrations",
            found,
            "During the gray release the old version works on the new schema, "
            "and after a rollback too.",
            "Expand first, contract in a later release; submit the SQL as `sql_migration`.",
            "costly",
        )
    altered = [change for change, kind in touched if kind.migration and change.status != "added"]
    if altered:
        yield _signal(
            "migration_rewritten",
            "medium",
            "A migration that may have run already is altered",
            altered,
            "Databases that ran it keep the old result; new ones get another schema.",
            "Leave it as it is and add a new migration.",
            "costly",
        )


def pipelines(touched: Touched) -> Iterable[Signal]:
    found = [change for change, kind in touched if kind.pipeline or kind.owners]
    if found:
        yield _signal(
            "checks_changed",
            "medium",
            "What checks or approves changes is itself changed",
            found,
            "A mistake here is found by no check, and lets the following ones pass.",
            "Have an owner of the pipeline review it, apart from the code that it checks.",
        )


def dependencies(touched: Touched) -> Iterable[Signal]:
    manifests = [change for change, kind in touched if kind.manifest and change.lines]
    locks = [change for change, kind in touched if kind.lock]
    if locks and not manifests:
        yield _signal(
            "locked_versions_moved",
            "low",
            "Locked versions move although no manifest does",
            locks,
            "Dependencies of dependencies change unseen.",
            "Release the update apart from the code.",
        )


def unreviewable(touched: Touched) -> Iterable[Signal]:
    """A picture shows in a review; a program, an archive or another commit does not."""
    binaries = [
        change
        for change, _ in touched
        if change.binary
        and change.status != "deleted"
        and paths.suffix(change.path) not in paths.PICTURES | paths.DOCUMENTS
    ]
    modules = [change for change, _ in touched if _is_submodule(change)]
    for name, found, summary in (
        ("binary_changed", binaries, "Files that no review can read are changed"),
        ("submodule_moved", modules, "A submodule moves to another commit"),
    ):
        if found:
            yield _signal(
                name,
                "medium",
                summary,
                found,
                "What it brings is not in the diff.",
                "Show how it was made or what is between the commits; better fetch it from a "
                "registry by version and digest.",
            )


def _is_submodule(change: FileChange) -> bool:
    """Shown as one line with the commit."""
    if change.mode == SUBMODULE:
        return True
    return len(change.added) == 1 and change.added[0].text.startswith("Subproject commit")


def modes(touched: Touched) -> Iterable[Signal]:
    links = [change for change, _ in touched if change.mode == LINK]
    if links:
        yield _signal(
            "symbolic_link",
            "low",
            "Symbolic links come in",
            links,
            "They may point out of the repository, and differ by machine.",
            "Copy the file or reference it by its path.",
        )


RULES: Sequence[Callable[[Touched], Iterable[Signal]]] = (
    tests_missing, tests_removed, migrations, pipelines, dependencies, unreviewable, modes,
)  # fmt: skip
