"""Amazon Resource Names in policies: their form, and which of them an action can act on."""

import re
from functools import lru_cache

from controlplane.risk.iam.globs import meet

_PARTITIONS = frozenset(
    ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-eusc", "*", "")
)
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]{2,4})?-[a-z]{4,10}-\d{1,2}")
_ACCOUNT = re.compile(r"\d{12}|aws|cloudfront")
_VARIABLE = re.compile(r"\$\{[^}]{0,200}\}")
_KIND = re.compile(r"[^*][\w-]+(?=[/:].)")


def flaw(arn: object) -> str:
    """What is wrong with its form; "" for nothing."""
    if not isinstance(arn, str):
        return "it is no text (an unresolved template?)"
    parts = arn.split(":")
    tests = (
        (len(parts) < 6, "it has fewer than six parts"),
        (parts[0] != "arn", "it does not begin with arn:"),
        (parts[1:2] and parts[1] not in _PARTITIONS, "its partition is not known"),
        (parts[3:4] and not _fits(_REGION, parts[3]), "its region is none"),
        (parts[4:5] and not _fits(_ACCOUNT, parts[4]), "its account is none"),
    )
    return "" if arn == "*" else next((trouble for failed, trouble in tests if failed), "")


def _fits(form: re.Pattern[str], part: str) -> bool:
    return _open(part) or form.fullmatch(part) is not None


def _open(part: str) -> bool:
    return part == "" or "*" in part or "?" in part or "${" in part


@lru_cache(maxsize=20_000)
def acts_on(pattern: str, arn: str) -> bool:
    """Whether an action that wants `pattern` can act on what a policy calls `arn`."""
    if "*" in (pattern, arn):
        return True
    plain = _VARIABLE.sub("*", arn)
    wanted, given = pattern.split(":", 5), plain.split(":", 5)
    if len(wanted) < 6 or len(given) < 6:
        return False
    if not all(_part(*pair) for pair in zip(wanted[:5], given[:5], strict=True)):
        return False
    return _named(wanted[5], given[5], bucket=wanted[2] == "s3" and wanted[5] == "*")


def _part(wanted: str, given: str) -> bool:
    """A part that has to be there is not given by leaving it empty."""
    if "*" in (wanted, given) and given != "":
        return True
    return meet(wanted, given) if given else wanted == ""


def _named(wanted: str, given: str, *, bucket: bool) -> bool:
    """The kind of resource may not be a wildcard: `u*` names no user. A bucket has no slash."""
    if bucket and "/" in given:
        return False
    kind = _KIND.match(wanted)
    if kind and given != "*" and not given.startswith(kind[0]):
        return False
    if ":" in given and ":" not in wanted:
        return False
    return meet(wanted, given)
