"""What the readers of documents share: limits, and the refusal."""

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
