import json
import time

from controlplane.risk.similar import ARTEFACT_CHARACTERS, MOST_SHOWN, Past, Told, keys, similar

NEW = Told("Raise the pool of cart", "config", ("cart",), ("limit_raised",), '{"pool": {"max": 9}}')
ALIKE = Told(
    "Raise the pool of cart", "config", ("cart",), ("limit_raised",), '{"pool": {"max": 7}}'
)
OTHERS = [
    Told(f"Release of shop{n}", "deploy", (f"shop{n}",), (), '{"image": "x"}') for n in range(20)
]


def past(*harmful, harmless=()):
    return [*(Past(each, True) for each in harmful), *(Past(each, False) for each in harmless)]


def test_similar__the_same_change_once_more__is_wholly_alike():
    ((place, cosine),) = similar(NEW, past(*OTHERS, ALIKE))
    assert place == len(OTHERS)
    assert cosine > 0.99


def test_similar__same_change_that_went_well__is_not_named():
    assert similar(NEW, past(*OTHERS, harmless=[ALIKE])) == []


def test_similar__nothing_but_the_kind_in_common__is_below_the_threshold():
    other = Told("Set a colour", "config", ("mail",), (), '{"colour": "red"}')
    assert similar(NEW, past(other, harmless=OTHERS)) == []


def test_similar__many_alike__names_the_likest_first_and_no_more_than_three():
    near = Told("Raise the pool of stock", "config", ("stock",), ("limit_raised",), "")
    found = similar(NEW, past(near, *OTHERS, ALIKE, ALIKE, ALIKE))
    assert [place for place, _ in found] == [21, 22, 23]
    assert len(found) == MOST_SHOWN


def test_similar__word_of_another_field__does_not_count():
    found = similar(Told("cart", "a", (), ()), past(Told("x", "b", ("cart",), ()), harmless=OTHERS))
    assert found == []


def test_similar__nothing_ended_or_nothing_told__answers():
    empty = Told("", "", (), ())
    assert similar(NEW, []) == []
    assert similar(empty, past(empty, *OTHERS))[0][0] == 0


def test_keys__document_and_text__names_and_no_values():
    assert keys('{"pool": {"max": 90}, "db_password": "hunter2"}') == ("db_password", "max", "pool")
    text = json.dumps("kind: Deployment\nmetadata:\n  name: cart\nport=80")
    assert keys(text) == ("kind", "metadata", "name", "port")


def test_keys__huge_artefact__is_read_in_its_beginning():
    assert keys(" " * ARTEFACT_CHARACTERS + "a: 1") == ()


def test_similar__five_thousand_past_changes__end_soon():
    text = json.dumps({f"key_{n}": n for n in range(50)})
    many = [Told(f"Change number{n}", "config", (f"s{n % 90}",), ("a",), text) for n in range(5000)]
    start = time.process_time()
    assert similar(NEW, past(*many[:2500], harmless=many[2500:])) == []
    assert time.process_time() - start < 60
