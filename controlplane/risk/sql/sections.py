"""Marks that migration tools put in comments: which part runs, and in which transaction."""

import re
from dataclasses import dataclass

# goose, sql-migrate, dbmate, micrate: `-- +goose Up`, `-- migrate:up transaction:false`.
_MARK = re.compile(
    r"^[ \t]*--[ \t]*(?:\+[ \t]*(?:goose|migrate|micrate)[ \t]+|migrate:)(up|down)\b([^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_NO_TRANSACTION = re.compile(
    r"^[ \t]*--.*?(?:\bno[ _-]?transaction\b|transaction[:= ]*false\b|txmode[: ]+none\b)",
    re.IGNORECASE | re.MULTILINE,
)
# What sqlmigrate writes where Python code runs.
_CODE = re.compile(
    r"^[ \t]*--[ \t]*(?:MIGRATION NOW PERFORMS|THIS) OPERATION [^\n]*CANNOT BE WRITTEN AS SQL",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Forward:
    """The part that a deployment runs, at its old places: what goes back is blanked out.
    `in_transaction`: the tool opens one around the whole file.
    """

    text: str
    in_transaction: bool
    runs_code: int | None


def forward(text: str) -> Forward:
    code = _CODE.search(text)
    marks = list(_MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [text[: marks[0].start()] if marks else text]
    for mark, end in zip(marks, ends, strict=False):
        part = text[mark.start() : end]
        parts.append(_blank(part) if mark[1].lower() == "down" else part)
    wrapped = bool(marks) and _NO_TRANSACTION.search(text) is None
    return Forward("".join(parts), wrapped, code.start() if code else None)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
