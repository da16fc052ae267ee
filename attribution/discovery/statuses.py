"""Which requests have failed, by the values of a label. PURE.

The server's fault only: what the client did wrong says nothing of a change, mostly.
"""

import re
from collections.abc import Collection, Iterable, Sequence

_CODE = re.compile(r"[1-5]\d\d|0")
_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)
GRPC = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound"),
    *("AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted"),
    *("OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)
# Of these the server is to blame (OpenTelemetry, semantic conventions for RPC).
GRPC_FAULTS = (
    "Unknown",
    "DeadlineExceeded",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
)
FAILED = (
    *("error", "errors", "err", "failure", "failed", "fail", "ko", "exception", "server_error"),
    *("5xx", "status_code_error", "crashed", "aborted"),
)
GOOD = (
    *("ok", "success", "succeeded", "successful", "status_code_ok", "status_code_unset", "done"),
    *("completed", "passed", "redirection", "client_error", "informational"),
)


def failures(label: str, values: Sequence[str]) -> str:
    """The matcher of the requests that failed; empty: the values tell no such thing."""
    found = [value for value in values if value]
    if not found:
        return ""
    if "class" in label and all(value in "12345" for value in found):
        return f'{label}="5"'
    if "grpc" in label and all(value.isdigit() and int(value) < len(GRPC) for value in found):
        return f'{label}=~"{"|".join(str(GRPC.index(each)) for each in GRPC_FAULTS)}"'
    if all(_CODE.fullmatch(value) for value in found):
        return f'{label}=~"5.."'
    if any(_CLASS.fullmatch(value) for value in found):
        return f'{label}="{"5XX" if "5XX" in found else "5xx"}"'
    return _of_names(label, found)


def _of_names(label: str, found: Sequence[str]) -> str:
    spelled = {_plain(name): name for name in GRPC}
    if any(_plain(value) in spelled for value in found) and (
        "grpc" in label or (all(_plain(value) in spelled for value in found) and len(found) > 1)
    ):
        upper = all(value.isupper() for value in found) and any(
            "_" in v or len(v) > 2 for v in found
        )
        return f'{label}=~"{"|".join(_as(each, upper=upper) for each in GRPC_FAULTS)}"'
    failed = [value for value in found if value.lower() in FAILED]
    if failed:
        return _one_of(label, sorted(failed))
    if all(value.lower() in GOOD for value in found):
        # None has failed so far: as whoever writes these words would write it.
        return f'{label}="{_counterpart(found)}"'
    return ""


def _counterpart(found: Collection[str]) -> str:
    words = {value.lower() for value in found}
    if words & {"status_code_ok", "status_code_unset"}:
        return "STATUS_CODE_ERROR"
    if words & {"redirection", "client_error", "informational"} or "SUCCESS" in found:
        return "SERVER_ERROR"
    return "failure" if "success" in words else "error"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _as(name: str, *, upper: bool) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() if upper else name


def _one_of(label: str, values: Iterable[str]) -> str:
    chosen = list(values)
    return f'{label}="{chosen[0]}"' if len(chosen) == 1 else f'{label}=~"{"|".join(chosen)}"'


def is_status(values: Sequence[str]) -> bool:
    """Of a label of any name: codes of HTTP, or words for success and failure."""
    if not values:
        return False
    words = {value.lower() for value in values}
    coded = all(_CODE.fullmatch(value) or _CLASS.fullmatch(value) for value in values)
    return coded or bool(words & set(FAILED) and words & set(GOOD))
