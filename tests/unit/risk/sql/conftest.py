import pytest

from controlplane.risk.classify import classify


@pytest.fixture
def signals_of():
    """Signal id → severity; the advice on lock_timeout is left out."""

    def found(sql, dialect="postgres", **context):
        case = {"kind": "sql_migration", "artefact": sql}
        before = context.pop("before", None)
        answer = classify(case | {"before": before, "context": {"dialect": dialect, **context}})
        shown = {signal["id"]: signal["severity"] for signal in answer["signals"]}
        shown.pop("no_lock_timeout", None)
        return shown

    return found
