"""A migration → signals: split, read, replayed statement by statement."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from controlplane.risk.signals import Signal, Source, many_findings, no_artefact, rank, unparsed
from controlplane.risk.sql import column_rules
from controlplane.risk.sql.engine import Engine, engine_of
from controlplane.risk.sql.lex import Token
from controlplane.risk.sql.outlook import outlook_of
from controlplane.risk.sql.replay import TAKES_LOCK, Replay
from controlplane.risk.sql.rules import look_at
from controlplane.risk.sql.schema import Schema, schema_of
from controlplane.risk.sql.sections import Forward, forward
from controlplane.risk.sql.split import Script, split
from controlplane.risk.sql.statements import steps_of
from controlplane.risk.sql.steps import Step

MOST_CHARACTERS = 1_000_000
MOST_SIGNALS = 200
_SESSION = {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SET"}
_TIMED = TAKES_LOCK | {"drop_table"}


def read(source: Source) -> list[Signal]:
    text, problem = text_of(source.artefact)
    if problem:
        return [unparsed(problem, "/artefact")]
    if not text.strip():
        return [no_artefact()]
    before, problem = text_of(source.before)
    if problem:
        return [unparsed(f"what ran until now: {problem}", "/before")]
    engine = engine_of(source.context, text)
    part = forward(text)
    script = split(part.text, engine.dialect)
    schema = schema_of(source.context.get("schema"), exact=engine.is_postgres)
    if before:
        ran = split(forward(before).text, engine.dialect)
        script.statements = _not_yet_run(script.statements, ran.statements)
        _learn(schema, _steps(ran, engine), engine)
    steps = _steps(script, engine)
    replay = Replay(engine, schema, outlook_of(steps), script.line)
    replay.in_transaction = _wrapped(source, part)
    found = list(_found(replay, steps, part))
    if script.broken_at is not None:
        where = f"line {script.line(script.broken_at)}"
        found.append(unparsed("a quote, comment or body is opened and never closed", where))
    return _worst(found)


def text_of(artefact: Any) -> tuple[str, str]:
    """A text or a list of statements; the second value says why it is not one."""
    if artefact is None:
        return "", ""
    if isinstance(artefact, list) and all(isinstance(part, str) for part in artefact):
        artefact = ";\n".join(artefact)
    if not isinstance(artefact, str):
        return "", "a migration is a text, or a list of statements"
    if len(artefact) > MOST_CHARACTERS:
        return "", f"more than {MOST_CHARACTERS:,} characters"
    if "\0" in artefact:
        return "", "it holds NUL characters; send it decoded, not as UTF-16"
    return artefact.removeprefix("\ufeff").replace("\r\n", "\n"), ""


def _steps(script: Script, engine: Engine) -> list[Step]:
    exact = engine.is_postgres
    return [step for one in script.statements for step in steps_of(one, exact=exact)]


def _not_yet_run(
    statements: Sequence[list[Token]], ran: Iterable[Sequence[Token]]
) -> list[list[Token]]:
    """What stood there before has run; the frame of transactions and settings is kept."""
    done = Counter(_said(statement) for statement in ran)
    kept = []
    for statement in statements:
        said = _said(statement)
        if done[said] and statement[0].word not in _SESSION:
            done[said] -= 1
        else:
            kept.append(statement)
    return kept


def _said(statement: Sequence[Token]) -> tuple[tuple[str, str], ...]:
    return tuple((token.kind, token.word or token.text) for token in statement)


def _learn(schema: Schema, steps: Iterable[Step], engine: Engine) -> None:
    """Tables and columns as they stand after what ran."""
    replay = Replay(engine, schema, outlook_of([]), lambda _: 0)
    for step in steps:
        replay.advance(step)


def _wrapped(source: Source, part: Forward) -> bool:
    said = source.context.get("in_transaction")
    return said if isinstance(said, bool) else part.in_transaction


def _found(replay: Replay, steps: Sequence[Step], part: Forward) -> Iterable[Signal]:
    opened_outside = replay.in_transaction
    if not replay.engine.known:
        start = Step("engine", 0)
        yield replay.finding("engine_unknown", "medium", "this engine is not known", start)
    if part.runs_code is not None:
        place = Step("code", part.runs_code)
        yield replay.finding("opaque_step", "medium", "the migration runs code beside SQL", place)
    for rebuild in replay.outlook.rebuilds:
        yield from column_rules.rebuilt(replay, rebuild)
    waits: Step | None = None
    for step in steps:
        yield from look_at(replay, step)
        if not replay.lock_timeout and step.action in _TIMED and replay.is_live(step.table):
            waits = waits or step
        replay.advance(step)
    if replay.in_transaction and not opened_outside:
        last = Step("end", steps[-1].start)
        yield replay.finding("transaction_left_open", "medium", "no COMMIT follows", last)
    if waits and replay.engine.is_postgres:
        summary = f"{waits.table} is locked without a lock_timeout"
        yield replay.finding("no_lock_timeout", "low", summary, waits)


def _worst(found: Iterable[Signal]) -> list[Signal]:
    """Each once, the worst first, and no more than anybody reads."""
    first: dict[tuple[str, str, str], Signal] = {}
    for one in found:
        first.setdefault((one.id, one.severity, one.summary), one)
    ordered = sorted(first.values(), key=lambda one: -rank(one.severity))
    shown, left_out = ordered[:MOST_SIGNALS], len(ordered) - MOST_SIGNALS
    shown = [replace(one, summary=one.summary[:300]) for one in shown]
    return [*shown, many_findings(left_out)] if left_out > 0 else shown
