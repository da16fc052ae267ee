"""The `command` executor: a program of the operator's that takes a share and says what it is.

The operator's file says which program a target is: argv, time-out, folder, names of environment
variables to pass on. A submitter names the target and nothing else. On stdin, one JSON object:
    {"action": "apply|observe|validate", "target", "exposure"?, "units", "version",
     "key": {"epoch", "rollout", "target", "generation"}}
(no exposure with `observe`); on stdout, one JSON object, the world as it is after the call:
    {"exposure", "units"?, "generation"?, "detail"?}
Status 0: that is so. 3: refused, a newer generation was seen. Anything else: it failed, and stderr
says why. What comes in is also in the environment as GRAYGATE_*, for a shell that reads no JSON.
"""

import copy
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from django.conf import settings

from rollout.executors.answers import AnswerError, is_share, object_in, observed_in
from rollout.executors.base import Desired, ExecutorError, Key, Observed
from rollout.executors.program import Bounds, Ended, ProgramError, run

FIELDS = frozenset({"executor", "argv", "timeout_s", "cwd", "env", "fencing", "grain"})
DEFAULT_TIMEOUT_S = 5.0
CALLS_IN_A_LEASE = 2
COARSEST = 0.1
REFUSED = 3
PATH = "/usr/local/bin:/usr/bin:/bin"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
MOST_ARGUMENTS = 50
MOST_SAID = 300
# Shorter ones are words that may well stand in a message: hiding them hides the message.
SHORTEST_SECRET = 6
SHORTEST_BEGINNING = 3
# Variables that name places: they are no secrets.
OPEN = frozenset({"PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR", "PWD"})
_TELLING = re.compile(
    r"(?i)((?:authorization|bearer|token|secret|passw(?:or)?d|api[_-]?key)\S*?\s*[:= ]\s*)"
    r"(?:bearer\s+|basic\s+)?\S+"
)
_IN_ADDRESS = re.compile(r"(://)[^/\s@]+@")


@dataclass(frozen=True)
class Program:
    """One target of the operator's file."""

    target: str
    argv: tuple[str, ...]
    cwd: str
    env: tuple[str, ...]
    timeout_s: float
    fencing: Literal["target", "none"]
    grain: float


class CommandExecutor:
    bounded = True
    fencing: Literal["target", "none"] = "none"
    repeat: Literal["safe", "unsafe"] = "safe"
    rollback: Literal["revert", "forward", "none"] = "revert"
    timeout_s = DEFAULT_TIMEOUT_S
    grain = 0.0
    exclusive = True

    def on(self, config: Mapping[str, Any]) -> Self:
        """With what the operator declared of this one program."""
        try:
            program = program_of(config)
        except ExecutorError:
            return self
        made = copy.copy(self)
        made.fencing, made.grain = program.fencing, program.grain
        made.timeout_s = program.timeout_s
        return made

    def validate(self, config: Mapping[str, Any]) -> list[str]:
        """Looks at the file only; `rehearse` asks the program."""
        found = [
            f"command takes only `target`, not `{k}`" for k in sorted(set(config) - {"target"})
        ]
        try:
            program_of(config)
        except ExecutorError as error:
            found.append(str(error))
        return found

    def rehearse(self, config: Mapping[str, Any], desired: Desired, key: Key) -> str:
        """What the program says that it would do. It must change nothing. For `doctor`."""
        answer = self._call("validate", config, key, desired)
        hidden = secrets_of(program_of(config), os.environ)
        return excerpt(str(answer.get("detail", "")).encode(errors="replace"), hidden)

    def apply(self, config: Mapping[str, Any], desired: Desired, key: Key) -> None:
        if not is_share(desired.share):
            raise ExecutorError(f"{key.target}: {desired.share!r} is no share", permanent=True)
        self._read(config, self._call("apply", config, key, desired), key)

    def observe(self, config: Mapping[str, Any], key: Key) -> Observed:
        return self._read(config, self._call("observe", config, key), key)

    def _read(self, config: Mapping[str, Any], answer: Mapping[str, Any], key: Key) -> Observed:
        try:
            return observed_in(answer, fenced=program_of(config).fencing == "target")
        except AnswerError as error:
            raise ExecutorError(f"{key.target}: {error}") from error

    def _call(
        self, action: str, config: Mapping[str, Any], key: Key, desired: Desired | None = None
    ) -> dict[str, Any]:
        program = program_of(config)
        asked = question(action, key, desired)
        env = environment(program, asked)
        bounds = Bounds(program.timeout_s)
        given = json.dumps(asked).encode()
        try:
            ended = run(program.argv, given, env=env, cwd=program.cwd, bounds=bounds)
            return _answer(program, ended, env)
        except (ProgramError, AnswerError) as error:
            raise ExecutorError(f"{program.target}: the program {error}") from error


def _answer(program: Program, ended: Ended, env: Mapping[str, str]) -> dict[str, Any]:
    text = excerpt(ended.complaint, secrets_of(program, env))
    said = f": {text}" if text else ""
    if ended.status == REFUSED:
        raise ExecutorError(
            f"{program.target}: refused, a newer call was seen{said}", permanent=True
        )
    if ended.status != 0:
        raise ProgramError(f"ended with status {ended.status}{said}")
    return object_in(ended.output)


def question(action: str, key: Key, desired: Desired | None) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "action": action,
        "target": key.target,
        "key": {
            "epoch": key.epoch,
            "rollout": key.rollout,
            "target": key.target,
            "generation": key.generation,
        },
    }
    if desired is not None:
        asked |= {"exposure": desired.share, "units": list(desired.units)}
        asked["version"] = desired.version
    return asked


def environment(program: Program, asked: Mapping[str, Any]) -> dict[str, str]:
    """No more than a shell needs, what the operator named, and the question."""
    env = {"PATH": PATH, "LANG": "C.UTF-8"}
    env |= {name: os.environ[name] for name in program.env if name in os.environ}
    facts = {
        "action": asked["action"],
        "target": asked["target"],
        "rollout": asked["key"]["rollout"],
        "generation": asked["key"]["generation"],
        "exposure": _decimal(asked["exposure"]) if "exposure" in asked else "",
        # A text from a submission: no byte in it may end it early.
        "version": str(asked.get("version", "")).replace("\0", ""),
    }
    return env | {f"GRAYGATE_{name.upper()}": str(value) for name, value in facts.items()}


def _decimal(share: float) -> str:
    """Never 1e-05, which a shell does not read."""
    return f"{share:.9f}".rstrip("0").rstrip(".") or "0"


def excerpt(complaint: bytes, secrets: list[str]) -> str:
    """The last of what a program said, on one line, without what may be a secret."""
    text = complaint.decode(errors="replace")
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = _without_beginning(text.replace(secret, "***"), secret)
    text = _IN_ADDRESS.sub(r"\1***@", _TELLING.sub(r"\1***", text))
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text[-MOST_SAID:]


def _without_beginning(text: str, secret: str) -> str:
    """Only the first bytes of what was said are kept: the cut may go through a secret."""
    shown = range(min(len(secret) - 1, len(text)), SHORTEST_BEGINNING - 1, -1)
    cut = next((length for length in shown if text.endswith(secret[:length])), 0)
    return f"{text[:-cut]}***" if cut else text


def secrets_of(program: Program, env: Mapping[str, str]) -> list[str]:
    """The values of what the operator passes on, as far as they are not mere places."""
    return [env[name] for name in program.env if name not in OPEN and name in env]


def program_of(config: Mapping[str, Any]) -> Program:
    name = config.get("target")
    entry = settings.OPERATOR.targets.get(name) if isinstance(name, str) else None
    if entry is None or entry.get("executor") != "command":
        raise ExecutorError(f"no command target {name!r} in the operator's file", permanent=True)
    if wrong := problems(entry):
        raise ExecutorError(f"target {name!r}: {'; '.join(wrong)}", permanent=True)
    return Program(
        target=str(name),
        argv=tuple(entry["argv"]),
        cwd=entry.get("cwd", "/"),
        env=tuple(entry.get("env", ())),
        timeout_s=float(entry.get("timeout_s", DEFAULT_TIMEOUT_S)),
        fencing=entry.get("fencing", "none"),
        grain=float(entry.get("grain", 0)),
    )


def problems(entry: Mapping[str, Any]) -> list[str]:
    """What is wrong with a target of the operator's file; never repeats its arguments."""
    found = [f"command knows no `{field}`" for field in sorted(set(entry) - FIELDS)]
    checks = (_argv(entry), _cwd(entry), _env(entry), _numbers(entry))
    found += [problem for problem in checks if problem]
    if entry.get("fencing", "none") not in ("none", "target"):
        found.append("`fencing` is neither `none` nor `target`")
    return found


def _argv(entry: Mapping[str, Any]) -> str:
    argv = entry.get("argv")
    if not isinstance(argv, list) or not 1 <= len(argv) <= MOST_ARGUMENTS:
        return f"`argv` is not a list of 1 to {MOST_ARGUMENTS} texts"
    if not all(isinstance(one, str) and one and "\0" not in one for one in argv):
        return "`argv` holds something that is no text"
    if not argv[0].startswith("/"):
        return "`argv` does not begin with the whole path of a program (/…)"
    if not Path(argv[0]).is_file() or not os.access(argv[0], os.X_OK):
        return "`argv` begins with no program that can be run"
    return ""


def _cwd(entry: Mapping[str, Any]) -> str:
    cwd = entry.get("cwd", "/")
    whole = isinstance(cwd, str) and cwd.startswith("/") and "\0" not in cwd
    return "" if whole and Path(cwd).is_dir() else "`cwd` is not the whole path of a folder"


def _env(entry: Mapping[str, Any]) -> str:
    names = entry.get("env", [])
    if not isinstance(names, list):
        return "`env` is not a list of names of variables"
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            return "`env` holds something that is no variable's name (names only, no values)"
        if name.startswith("GRAYGATE_"):
            return f"`env` may not hold {name}: Graygate's own settings stay with Graygate"
        if name not in os.environ:
            return f"`env` names {name}, which this process does not have"
    return ""


def _numbers(entry: Mapping[str, Any]) -> str:
    longest = settings.GRAYGATE_LEASE_S / CALLS_IN_A_LEASE
    timeout_s, grain = entry.get("timeout_s", DEFAULT_TIMEOUT_S), entry.get("grain", 0)
    if not _is_number(timeout_s) or not 0 < timeout_s <= longest:
        return f"`timeout_s` is not above 0 and at most {longest:g}, half of GRAYGATE_LEASE_S"
    if not _is_number(grain) or not 0 <= grain <= COARSEST:
        return f"`grain` is not a share from 0 to {COARSEST:g}"
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
