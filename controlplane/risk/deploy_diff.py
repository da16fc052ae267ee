"""What a deployment says about its code: size of the diff, migrations, dependencies."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controlplane.risk.images import version_of
from controlplane.risk.shapes import number_of, text_of
from controlplane.risk.signals import Signal

# Lines added and removed. Lines are the best single feature of defect prediction, on a
# logarithmic scale (Kamei et al.); the steps are ours.
LARGE, HUGE = 500, 3000
MANY_FILES = 50
_MIGRATION = re.compile(
    r"(?:^|/)(?:migrations?|db/migrate|alembic|flyway|liquibase)/|\.sql$", re.IGNORECASE
)


def size(artefact: Mapping[str, Any]) -> Iterator[Signal]:
    diff = artefact.get("diff")
    if diff is None:
        return
    lines, files = _lines(diff), _file_count(diff)
    if lines is None and files is None:
        yield _diff_unreadable()
    elif (lines or 0) >= LARGE or (files or 0) >= MANY_FILES:
        yield Signal(
            id="large_diff",
            severity="high" if (lines or 0) >= HUGE else "medium",
            summary=f"The diff is large: {lines or 0:,.0f} lines, {files or 0:,.0f} files",
            where="/artefact/diff",
            why="The more lines change at once, the likelier a defect, and the harder to find it.",
            remedy="Release in smaller steps.",
        )


def _diff_unreadable() -> Signal:
    return Signal(
        id="diff_unreadable",
        severity="low",
        summary="The diff says nothing about its size",
        where="/artefact/diff",
        why="How much changes is not known.",
        remedy='Send `{"files": n, "lines_added": n, "lines_deleted": n}` or a unified diff.',
    )


def _lines(diff: Any) -> float | None:
    if isinstance(diff, str):
        return float(len(re.findall(r"^[+-](?![+-]{2} )", diff, re.MULTILINE)))
    if not isinstance(diff, Mapping):
        return None
    counts = [number_of(diff.get(name)) for name in ("lines_added", "lines_deleted")]
    known = [max(count, 0.0) for count in counts if count is not None]
    return sum(known) if known else None


def _file_count(diff: Any) -> float | None:
    files = diff.get("files") if isinstance(diff, Mapping) else None
    return float(len(files)) if isinstance(files, list) else number_of(files)


def _paths(artefact: Mapping[str, Any]) -> Iterable[str]:
    diff = artefact.get("diff")
    if isinstance(diff, str):
        return re.findall(r"^\+\+\+ (?:b/)?(\S+)", diff, re.MULTILINE)
    files = diff.get("files") if isinstance(diff, Mapping) else None
    return [path for path in files if isinstance(path, str)] if isinstance(files, list) else []


def touched(artefact: Mapping[str, Any]) -> Iterator[Signal]:
    if artefact.get("migrations") or any(_MIGRATION.search(path) for path in _paths(artefact)):
        yield Signal(
            id="touches_migrations",
            severity="medium",
            summary="The release brings database migrations",
            where="/artefact/migrations" if artefact.get("migrations") else "/artefact/diff",
            why="During the gray release the old version works on the new schema, "
            "and after a rollback too.",
            remedy="Expand first, contract in a later release; submit the SQL as `sql_migration`.",
            reversibility="costly",
        )
    majors = list(_major_dependencies(artefact.get("dependencies")))
    if majors:
        yield _dependencies(majors)


def _dependencies(majors: list[str]) -> Signal:
    return Signal(
        id="dependency_major_bump",
        severity="medium" if len(majors) >= 3 else "low",
        summary=f"Dependencies rise by a major version: {', '.join(majors[:5])}",
        where="/artefact/dependencies",
        why="A major version may break what used to work.",
        remedy="Raise one at a time, with its release notes read.",
        aliases=("renovate:major",),
    )


def _major_dependencies(dependencies: Any) -> Iterator[str]:
    for name, old, new in _dependency_steps(dependencies):
        before, after = version_of(old), version_of(new)
        if before and after and after.numbers[0] > before.numbers[0]:
            yield name[:80]


def _dependency_steps(dependencies: Any) -> Iterator[tuple[str, str, str]]:
    """Either `[{"name","from","to"}]` or `{"name": {"from","to"}}`."""
    if isinstance(dependencies, Mapping):
        dependencies = [
            {"name": name, **step}
            for name, step in dependencies.items()
            if isinstance(step, Mapping)
        ]
    for step in dependencies if isinstance(dependencies, list) else ():
        if isinstance(step, Mapping) and "from" in step and "to" in step:
            yield text_of(step.get("name", "?")), text_of(step["from"]), text_of(step["to"])
