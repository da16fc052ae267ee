"""Small plans, made here."""

from controlplane.risk.classify import classify

ORDERS = {"delete first": ["delete", "create"], "create first": ["create", "delete"]}


def entry(kind, actions, before=None, after=None, *, name="this", address=None, **more):
    change = {"actions": [actions] if isinstance(actions, str) else actions}
    change |= {"before": before, "after": after}
    for field in ("after_unknown", "after_sensitive", "replace_paths", "importing"):
        if field in more:
            change[field] = more.pop(field)
    address = address or f"{kind}.{name}"
    return {
        "address": address, "mode": "managed", "type": kind, "name": name, "change": change, **more,
    }  # fmt: skip


def created(kind, after, **more):
    return entry(kind, "create", None, after, **more)


def updated(kind, before, after, **more):
    return entry(kind, "update", before, after, **more)


def deleted(kind, before=None, **more):
    return entry(kind, "delete", before or {"id": "x"}, None, **more)


def plan(*entries, **more):
    return {"format_version": "1.2", "resource_changes": list(entries), **more}


def classified(*entries, context=None, **more):
    case = {"kind": "terraform_plan", "artefact": plan(*entries, **more)}
    return classify(case | ({"context": context} if context else {}))


def signals(*entries, **more):
    """Signal id → severity; where one id comes with two, the graver."""
    found = classified(*entries, **more)["signals"]
    return {one["id"]: one["severity"] for one in reversed(found)}


def signal(name, *entries, **more):
    return next(one for one in classified(*entries, **more)["signals"] if one["id"] == name)
