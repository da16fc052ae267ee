from attribution.sources.batching import Expression
from attribution.sources.set_aside import AGAIN_S, LOTS, SetAside

COSTLY = Expression("costly")


def test_set_aside__refused__is_not_asked_then_asked_alone_then_free():
    aside = SetAside()
    aside.refuse(COSTLY, "no", 100.0)
    assert aside.why(COSTLY, 101.0) == "no"
    assert aside.why(COSTLY, 100.0 + AGAIN_S) == ""
    assert aside.lot(COSTLY) is not None
    aside.clear(COSTLY)
    assert aside.lot(COSTLY) is None


def test_set_aside__divided_until_one_is_left__lots_get_smaller_and_are_few():
    aside = SetAside()
    parts = [Expression(str(n)) for n in range(100)]
    while len(parts) > 1:
        aside.divide(parts)
        lots = [aside.lot(part) for part in parts]
        assert len(set(lots)) <= LOTS
        smaller = [part for part in parts if aside.lot(part) == lots[0]]
        assert len(smaller) < len(parts)
        parts = smaller
    assert aside.why(parts[0], 0.0) == ""


def test_set_aside__divided_and_answered__is_asked_with_the_others_again():
    aside = SetAside()
    aside.divide([COSTLY])
    aside.clear(COSTLY)
    assert aside.lot(COSTLY) is None
