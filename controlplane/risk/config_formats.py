"""Does the new value still have the form that the old value and the key's name promise?

Each rule answers with a signal or None; the first signal is the answer for its key.
"""

import re
from collections.abc import Sequence

from controlplane.risk import names, shapes
from controlplane.risk.edits import Edit, Rule
from controlplane.risk.signals import Severity, Signal

_CRASH = "A program that cannot read the value stops at start, or silently takes its default."
_QUOTED = re.compile(r"""(['"])(.*)\1""", re.DOTALL)
_YAML_WORDS = {"on", "off", "yes", "no", "y", "n", "true", "false", "null", "~"}
_PLACEHOLDERS = names.vocabulary("none null nil undefined nan todo tbd fixme changeme")
_SYMBOLIC_MODE = re.compile(r"[ugoa]*[+=-][rwxXst]*(?:,[ugoa]*[+=-][rwxXst]*)*|[rwxsStT-]{9,10}")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_DIGITS_AND_DOTS = re.compile(r"-?[\dx]{1,5}(?:\.-?\d{1,5}){2,7}")
_FRACTIONAL = names.vocabulary(
    "ratio factor share fraction threshold rate weight multiplier probability percent"
)


def _unquoted(value: object) -> object:
    match = _QUOTED.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[2] if match else value


def _broken(edit: Edit, severity: Severity, what: str, remedy: str, name: str) -> Signal:
    return edit.signal(name, severity, f"{what} {edit.step}", _CRASH, remedy)


def empty(edit: Edit) -> Signal | None:
    if not shapes.is_empty(edit.new) or (not edit.added and shapes.is_empty(edit.old)):
        return None
    if edit.new in ([], {}) and edit.added:
        return None
    return _broken(edit, "medium", "has no value now:", "Give a value or drop the key.", "empty")


def placeholder(edit: Edit) -> Signal | None:
    word = edit.new.strip().lower() if isinstance(edit.new, str) else ""
    if word not in _PLACEHOLDERS:
        return None
    remedy = "Replace the placeholder by the value that production is to use."
    return _broken(edit, "medium", "looks like a placeholder:", remedy, "placeholder")


def quotes_lost(edit: Edit) -> Signal | None:
    """`'off'` is a text in YAML, `off` is the boolean false."""
    bare = _unquoted(edit.old)
    if bare is edit.old or edit.new != bare or str(bare).lower() not in _YAML_WORDS:
        return None
    remedy = "Keep the quotes: YAML reads the bare word as a boolean or null."
    return _broken(edit, "medium", "lost its quotes:", remedy, "quotes_lost")


def boolean(edit: Edit) -> Signal | None:
    if edit.added or shapes.boolean_of(edit.old) is None:
        return None
    if shapes.boolean_of(edit.new) is not None:
        typed = isinstance(edit.old, bool) == isinstance(edit.new, bool)
        return None if typed else _type_changed(edit, "medium")
    if shapes.text_of(edit.new) in ("0", "1") and not isinstance(edit.old, bool):
        return None
    return _type_changed(edit, "high")


def _type_changed(edit: Edit, severity: Severity) -> Signal:
    remedy = "Keep the type that the program reads today, or ship the program that reads it first."
    return _broken(edit, severity, "changed its type:", remedy, "type_changed")


def port(edit: Edit) -> Signal | None:
    if "port" not in edit.tail or not _numeric_before(edit, "port"):
        return None
    if shapes.is_port(edit.new):
        return None
    remedy = "A port is a whole number from 1 to 65535."
    return _broken(edit, "high", "is not a port:", remedy, "bad_port")


def _numeric_before(edit: Edit, word: str) -> bool:
    """With no old value, only the name's last word tells what the value is."""
    if edit.added:
        return edit.pointer.lower().endswith(word)
    return shapes.number_of(edit.old) is not None


def mode_bits(edit: Edit) -> Signal | None:
    if not edit.tail & names.MODE_BITS:
        return None
    if not edit.added and not shapes.is_octal_mode(edit.old):
        return None
    if edit.added and shapes.boolean_of(edit.new) is not None:
        return None
    if not (shapes.is_octal_mode(edit.new) or _SYMBOLIC_MODE.fullmatch(shapes.text_of(edit.new))):
        remedy = "Permission bits are three or four octal digits, such as 0750."
        return _broken(edit, "high", "is no permission:", remedy, "bad_permission")
    return _world_writable(edit)


def _world_writable(edit: Edit) -> Signal | None:
    if not _opens_to_all(edit, edit.new) or _opens_to_all(edit, edit.old):
        return None
    return edit.signal(
        "world_writable",
        "medium",
        f"lets everybody write: {edit.step}",
        "Any process on the host can then change the files.",
        "Give write permission to the owner or the group only.",
    )


def _opens_to_all(edit: Edit, value: object) -> bool:
    if not shapes.is_octal_mode(value):
        return False
    writes = int(shapes.text_of(value)[-1]) & 2 != 0
    return not writes if "umask" in edit.named else writes


def address(edit: Edit) -> Signal | None:
    if not isinstance(edit.new, str) or not _is_address_key(edit):
        return None
    parts = [part for part in re.split(r"[,\s]+", edit.new.strip()[:2000]) if part]
    if all(_resolvable(part) for part in parts):
        return None
    remedy = "Give an IPv4 or IPv6 address or a host name, with a port from 1 to 65535 if any."
    return _broken(edit, "high", "is not an address:", remedy, "bad_address")


def _is_address_key(edit: Edit) -> bool:
    if edit.added:
        looks = isinstance(edit.new, str) and _DIGITS_AND_DOTS.fullmatch(edit.new.strip()[:100])
        return bool(looks) and bool(edit.tail & names.HOST)
    return shapes.is_address(edit.old)


def _resolvable(part: str) -> bool:
    if shapes.is_template(part) or shapes.is_url(part):
        return True
    host, number = shapes.split_port(part)
    return (host == "" or shapes.is_host(host)) and (number is None or shapes.is_port(number))


def url(edit: Edit) -> Signal | None:
    if edit.added or not isinstance(edit.new, str) or not shapes.is_url(edit.old):
        return None
    parts = [part for part in re.split(r"[,\s]+", edit.new.strip()[:2000]) if part]
    if all(shapes.is_url(part) or shapes.is_template(part) for part in parts):
        return None
    remedy = "Give a URL with its scheme, such as https://host/path."
    return _broken(edit, "high", "is not a URL:", remedy, "bad_url")


def path(edit: Edit) -> Signal | None:
    old, new = _unquoted(edit.old), _unquoted(edit.new)
    if not isinstance(new, str) or not (_is_path_key(edit, old)) or shapes.is_url(new):
        return None
    flaw = _path_flaw(old, new.strip())
    if flaw is None:
        return None
    remedy = "Write an absolute path with single slashes, and make sure that it exists."
    return _broken(edit, "medium", f"{flaw}:", remedy, "bad_path")


def _is_path_key(edit: Edit, old: object) -> bool:
    if not edit.added and (shapes.is_path(old) or (shapes.is_template(old) and "/" in str(old))):
        return True
    return bool(edit.tail & names.PATH) and shapes.number_of(edit.new) is None


def _path_flaw(old: object, new: str) -> str | None:
    was = old if isinstance(old, str) else ""
    if "//" in new and "//" not in was:
        return "doubles a slash in a path"
    if "\\" in new and "/" in new and "\\" not in was:
        return "mixes slashes and backslashes in a path"
    if was.startswith("/") and not new.startswith("/") and not shapes.is_template(new):
        return "is no absolute path any more"
    return None


def quantity(edit: Edit) -> Signal | None:
    """A number with a unit: the unit may change, not vanish, and has to be a known one."""
    old = shapes.quantity_of(edit.old)
    if edit.added or old is None or not old.known:
        return None
    new = shapes.quantity_of(edit.new)
    if new is None:
        return _no_quantity(edit)
    if not new.known:
        return _bad_unit(edit, "high", "has an unknown unit:")
    kinds = {shapes.dimension(old), shapes.dimension(new)}
    mixed = len(kinds) > 1 and not (
        kinds - {"m", "time"} == set() or kinds - {"m", "size"} == set()
    )
    return _bad_unit(edit, "medium", "measures something else now:") if mixed else None


def _no_quantity(edit: Edit) -> Signal | None:
    number = shapes.number_of(edit.new)
    if number is None:
        return _type_changed(edit, "high")
    return None if number in (0, -1) else _bad_unit(edit, "medium", "lost its unit:")


def _bad_unit(edit: Edit, severity: Severity, what: str) -> Signal:
    remedy = "Write the number with the unit that the program knows."
    return _broken(edit, severity, what, remedy, "bad_unit")


def number(edit: Edit) -> Signal | None:
    if edit.added or shapes.number_of(edit.old) is None:
        return None
    if shapes.number_of(edit.new) is None:
        return _no_number(edit)
    if isinstance(edit.old, str) != isinstance(edit.new, str):
        return _type_changed(edit, "medium")
    fractional = shapes.is_whole(edit.old) and not shapes.is_whole(edit.new)
    if fractional and not edit.named & (_FRACTIONAL | names.EXPOSURE):
        remedy = "Give a whole number, as before."
        return _broken(edit, "medium", "is a fraction now:", remedy, "fraction")
    return None


def _no_number(edit: Edit) -> Signal:
    new = shapes.quantity_of(edit.new)
    if new is None:
        return _type_changed(edit, "high")
    if new.known:
        return _bad_unit(edit, "medium", "has a unit now:")
    return _bad_unit(edit, "high", "has an unknown unit:")


def kind_of_value(edit: Edit) -> Signal | None:
    """A typed document (JSON, YAML, TOML) says itself what a list, a text and a number are."""
    if edit.added or edit.old is None or edit.new is None:
        return None
    plain = isinstance(edit.old, str) and not isinstance(edit.new, str)
    nested = isinstance(edit.old, list | dict) != isinstance(edit.new, list | dict)
    return _type_changed(edit, "high" if nested else "medium") if plain or nested else None


def choice(edit: Edit) -> Signal | None:
    """One word of a closed set became another: nothing here knows the set."""
    old, new = _unquoted(edit.old), _unquoted(edit.new)
    if edit.added or not isinstance(old, str) or not isinstance(new, str):
        return None
    if shapes.boolean_of(old) is not None:
        return None
    first, now = old.split(",")[0].strip(), new.split(",")[0].strip()
    if shapes.is_class_name(first):
        return None if shapes.is_class_name(now) else _choice(edit)
    closed = edit.tail & names.CHOICE or _CONSTANT.fullmatch(first)
    return _choice(edit) if closed and shapes.is_word(first) else None


def _choice(edit: Edit) -> Signal:
    return edit.signal(
        "choice_changed",
        "medium",
        f"takes another choice: {edit.step}",
        "Behaviour changes at once and entirely, and an unknown word stops the program.",
        "Check the word against the program's documentation and try it on one unit first.",
    )


# Order matters: the narrower promise speaks before the wider one.
RULES: Sequence[Rule] = (
    empty, quotes_lost, boolean, port, mode_bits, address, url, path,
    quantity, number, kind_of_value, placeholder, choice,
)  # fmt: skip


def check(edit: Edit) -> Signal | None:
    if edit.removed or shapes.is_template(edit.new):
        return None
    return next((found for rule in RULES if (found := rule(edit)) is not None), None)
