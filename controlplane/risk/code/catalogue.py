"""Texts on added lines that are dangerous in themselves: what a reviewer must not overlook."""

import re
from dataclasses import dataclass

from controlplane.risk.signals import Severity


@dataclass(frozen=True, slots=True)
class Pattern:
    """`hint`: lower-case words of which one is in every line that matches, to skip the others
    fast. `in_tests`: it matters in tests too.
    """

    id: str
    severity: Severity
    hint: tuple[str, ...]
    regex: re.Pattern[str]
    what: str
    why: str
    remedy: str
    aliases: tuple[str, ...] = ()
    in_tests: bool = False


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts))


# A call that runs SQL, up to the opening quote, and a statement within it.
_RUN = r"\b(?:execute|query|raw|prepare)\w{0,20}\(\s*(?:\w{1,20}\s*,\s*)?"
_STATEMENT = r"[\"']{0,2}\s*(?:select|insert|update|delete)\b.{0,500}?"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "conflict_marker",
        "high",
        ("<<<<<<<", ">>>>>>>"),
        re.compile(r"^(?:<{7}|>{7})(?:\s|$)"),
        "a marker of an unresolved merge",
        "The file holds two versions at once; most languages refuse to read it.",
        "Resolve the conflict and commit the result.",
        ("pre-commit:check-merge-conflict",),
        in_tests=True,
    ),
    Pattern(
        "certificate_check_off",
        "high",
        ("verify", "rejectunauthorized", "reject_unauthorized", "trustallcerts", "certificate",
         "noophostnameverifier", "allow_all_hostname_verifier"),
        _any(
            r"\bverify(?:_ssl|_certs?)?\s*=\s*False\b",
            r"\bInsecureSkipVerify\s*:\s*true\b",
            r"\brejectUnauthorized['\"]?\s*:\s*false\b",
            r"NODE_TLS_REJECT_UNAUTHORIZED\W{1,6}0",
            r"CURLOPT_SSL_VERIFY(?:PEER|HOST)\s*,\s*(?:0|false)",
            r"_create_unverified_context\b|\bVERIFY_NONE\b|\bCERT_NONE\b",
            r"\b(?:NoopHostnameVerifier|ALLOW_ALL_HOSTNAME_VERIFIER)\b",
            r"\bServerCertificateCustomValidationCallback\s*=.{0,80}\btrue\b",
            r"\bdanger_accept_invalid_certs\(\s*true",
        ),
        "the check of the other side's certificate switched off",
        "Anybody on the way can read and change what is sent.",
        "Trust the certificate authority that signed it instead.",
        ("bandit:B501", "gosec:G402"),
    ),
    Pattern(
        "command_injection",
        "high",
        ("shell", "os.system", "popen", "exec"),
        _any(
            r"\bshell\s*=\s*True\b",
            r"\bos\.(?:system|popen)\(\s*(?!['\"][^'\"{%]{0,200}['\"]\s*\))",
            r"\bRuntime\.getRuntime\(\)\.exec\(\s*[^\"\s)]",
            r"\bchild_process\b.{0,40}\bexec(?:Sync)?\(",
            r"\bexec\.Command\(\s*\"(?:sh|bash)\"\s*,\s*\"-c\"",
        ),
        "a command put together as text and given to a shell",
        "A value with `;` or `$()` in it runs commands of its own.",
        "Start the program with a list of arguments.",
        ("bandit:B602", "bandit:B605", "gosec:G204"),
    ),
    Pattern(
        "code_from_data",
        "medium",
        ("eval", "exec", "pickle", "yaml.load", "unserialize", "readobject", "marshal.load",
         "new function"),
        _any(
            r"(?<![\w.])(?:eval|exec)\(\s*(?!['\"][^'\"]{0,200}['\"]\s*\)|\))",
            r"\bc?[Pp]ickle\.loads?\(",
            r"\byaml\.load\((?!.{0,300}Safe)",
            r"(?<![\w.])unserialize\(|\bMarshal\.load\(|\bmarshal\.loads?\(",
            r"\bnew Function\(",
            r"\bObjectInputStream\b.{0,80}\breadObject\(",
        ),
        "data that is run or rebuilt as objects",
        "Whoever writes the data decides what is executed.",
        "Parse it as JSON, or with the safe loader.",
        ("bandit:B301", "bandit:B307", "bandit:B506", "eslint:no-eval"),
    ),
    Pattern(
        "sql_from_text",
        "medium",
        ("select", "insert", "update", "delete"),
        _any(
            r"(?i)" + _RUN + r"[frb]{1,2}([\"'])" + _STATEMENT + r"\{",
            _RUN + r"([\"'])" + _STATEMENT + r"\2\s*(?:\+|%|\.\s*(?:format\(|\$))",
            _RUN + r"`" + _STATEMENT + r"\$\{",
        ),
        "an SQL statement put together from values",
        "A value with a quote in it changes the statement.",
        "Pass values as parameters of the statement.",
        ("bandit:B608", "gosec:G201"),
    ),
    Pattern(
        "error_swallowed",
        "medium",
        ("except", "catch", "rescue"),
        _any(
            r"\bexcept(?:\s+(?:Base)?Exception)?\s*:\s*pass\b",
            r"\bcatch\s*(?:\([^)]{0,200}\)\s*)?\{\s*\}",
            r"\brescue\s*(?:=>\s*\w{1,40}\s*)?;?\s*nil\b",
        ),
        "an error that is caught and forgotten",
        "The fault goes on, and no metric and no log tells of it.",
        "Handle the error that is expected, and let the others through.",
        ("bandit:B110", "eslint:no-empty"),
    ),
    Pattern(
        "debugger_left",
        "medium",
        ("set_trace", "breakpoint", "debugger", "binding.pry", "byebug"),
        _any(
            r"\bset_trace\(\)",
            r"^\s*breakpoint\(\)",
            r"^\s*debugger\s*;?\s*$",
            r"^\s*(?:binding\.pry|byebug)\s*$",
        ),
        "a break point of a debugger",
        "The process stops there and waits for a person.",
        "Remove it.",
        ("eslint:no-debugger", "pre-commit:debug-statements"),
        in_tests=True,
    ),
    Pattern(
        "test_disabled",
        "medium",
        ("skip", "@ignore", "@disabled", "xit(", "xdescribe(", ".only(", "xfail", "fit(",
         "fdescribe("),
        _any(
            r"@(?:pytest\.mark\.(?:skip|xfail)\b(?!if)|unittest\.skip\b(?!If|Unless))",
            r"^\s*@(?:Ignore|Disabled)\b",
            r"\b(?:it|test|describe)\.(?:skip|only)\(|^\s*(?:xit|xdescribe|fit|fdescribe)\(",
            r"\bt\.Skip(?:Now)?\(|^\s*pytest\.skip\(|^\s*self\.skipTest\(",
            r"#\[ignore\b",
        ),
        "a test that no longer runs, or alone runs",
        "What it guarded is unguarded from now on.",
        "Repair the test, or take it out together with what it tested.",
        ("eslint:jest/no-disabled-tests", "eslint:jest/no-focused-tests"),
        in_tests=True,
    ),
    Pattern(
        "hidden_direction",
        "high",
        (),
        re.compile("[\u202a-\u202e\u2066-\u2069]"),
        "control characters that turn the direction of writing",
        "The code reads otherwise than it runs (CVE-2021-42574).",
        "Remove the characters; in a text that needs them write them as escapes.",
        ("rustc:text_direction_codepoint_in_literal",),
        in_tests=True,
    ),
)  # fmt: skip
