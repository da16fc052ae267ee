"""What a tool holds a number against: `result >= 0.95` → the direction of harm, and the number."""

import re
from dataclasses import dataclass

_RESULT = r"(?:default\(\s*(?:result|#)[^)]*\)|as(?:Float|Int)\(result[^)]*\)|result(?:\[\d+\])?|#)"
_NUMBER = r"-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_OPERAND = rf"({_NUMBER}|\{{\{{[^{{}}]*\}}\}}|asFloat\([^)]*\)|asInt\([^)]*\))"
_COMPARED = re.compile(rf"{_RESULT}\s*(>=|<=|==|!=|>|<)\s*{_OPERAND}")
_TURNED = re.compile(rf"{_OPERAND}\s*(>=|<=|>|<)\s*{_RESULT}")
_MIRROR = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}


@dataclass(frozen=True)
class Condition:
    direction: str | None
    thresholds: tuple[str, ...] = ()


def harm_of(sign: str) -> str | None:
    """Of what is bad when the sign holds; equality with a number says nothing of a direction."""
    return {">": "increase", ">=": "increase", "<": "decrease", "<=": "decrease"}.get(sign)


def condition(text: str, *, good: bool) -> Condition:
    """`good`: the text says what is well, else what is not."""
    found = [(sign, number) for sign, number in _COMPARED.findall(text)]
    found += [(_MIRROR[sign], number) for number, sign in _TURNED.findall(text)]
    harms = {_flipped(harm) if good else harm for sign, _ in found if (harm := harm_of(sign))}
    direction = None if not harms else "either" if len(harms) > 1 else harms.pop()
    return Condition(direction, tuple(number for _, number in found))


def _flipped(harm: str) -> str:
    return "decrease" if harm == "increase" else "increase"
