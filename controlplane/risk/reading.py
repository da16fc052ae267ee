"""What the readers of documents share: limits, the refusal, and the steps of a JSON pointer."""

import configparser

import yaml

MOST_CHARACTERS = 2_000_000
MOST_LEVELS = 100

# A hostile document makes the parsers raise more than their own errors: PyYAML lets
# ValueError, LookupError, AttributeError and TypeError out of a mistyped tag, and every
# recursive one ends in RecursionError.
PARSE_ERRORS = (
    yaml.YAMLError,
    configparser.Error,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    RecursionError,
)


class UnreadableError(ValueError):
    """The document cannot be read; the text says why and repeats none of its content."""


def pointer_step(key: object) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")
