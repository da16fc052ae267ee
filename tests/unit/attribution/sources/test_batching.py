import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.sources.answers import AnswerError, distribute, read_answer, read_refusal
from attribution.sources.batching import (
    KEY,
    MOST_BYTES,
    MOST_MEMBERS,
    Expression,
    Matcher,
    Native,
    Probe,
    Raw,
    Selector,
    batches,
    union,
)
from attribution.sources.promql import quote

LABELS = st.sampled_from(["service", "track", "code"])
MATCHERS = st.builds(
    Matcher,
    LABELS,
    st.sampled_from(["=", "=", "=", "=~", "!="]),
    st.sampled_from(["a", "b", "x.y", "4|5", ""]).map(quote),
)
SELECTORS = st.builds(Selector, st.sampled_from(["m", "n"]), st.frozensets(MATCHERS, max_size=3))
PARTS = st.one_of(
    st.builds(Raw, SELECTORS),
    st.builds(Native, SELECTORS),
    st.builds(Probe, SELECTORS),
    st.builds(Expression, st.sampled_from(["sum(a)", "sum(b)", "c + d"])),
)


@given(st.lists(PARTS, max_size=40), st.dictionaries(PARTS, st.integers(0, 2), max_size=5))
def test_batches__any_parts__are_each_in_one_place_once(parts, lots):
    made = batches(parts, lots)
    placed = [part for batch in made for bundle in batch for part in bundle.parts]
    assert sorted(map(str, placed)) == sorted(map(str, set(parts)))
    for batch in made:
        assert len(union(batch).encode()) <= MOST_BYTES
        assert sum(bundle.is_unmarked for bundle in batch) <= 1
        assert len({lots.get(part) for bundle in batch for part in bundle.parts}) == 1


@given(st.lists(PARTS, max_size=40))
def test_distribute__an_answer_for_every_part__goes_to_that_part_alone(parts):
    """The answer is made as a server makes it: by the marks and labels of what was asked."""
    for batch in batches(parts):
        results, sent = [], {}
        for place, bundle in enumerate(batch):
            for index, part in enumerate(bundle.parts):
                sent[part] = float(len(sent) + 1)
                labels = {bundle.label: bundle.values[index]} if bundle.label else {}
                mark = "" if isinstance(part, Native) else f"{place}.0"
                results.append(result(mark, sent[part], **labels))
                if isinstance(part, Raw):
                    results.append(result(f"{place}.1", 1000 + sent[part], **labels))
        found = distribute(batch, results)
        assert {part: [one.value for one in series] for part, series in found.items()} == {
            part: [value] for part, value in sent.items()
        }
        times = {part: one.at for part, (one,) in found.items() if isinstance(part, Raw)}
        assert times == {part: 1000 + sent[part] for part in times}


def result(mark: str, value: float, **labels: str) -> dict:
    marked = {KEY: mark} if mark else {}
    return {"metric": {**marked, **labels}, "value": [1.0, str(value)]}


def of_service(name: str, **more: str) -> Selector:
    matchers = {Matcher(label, "=", quote(value)) for label, value in more.items()}
    return Selector(name, frozenset(matchers))


def test_batches__selectors_that_differ_in_one_label__are_asked_as_one():
    parts = [
        Raw(of_service("m", service=f"s{n}", track=track))
        for n in range(250)
        for track in ("canary", "old")
    ]
    (batch,) = batches(parts)
    assert [bundle.label for bundle in batch] == ["service", "service"]
    assert 'm{service=~"s0|s1|s2|' in union(batch)


def test_batches__values_that_mean_something_in_an_expression__stand_for_themselves():
    parts = [Raw(of_service("m", service=value)) for value in ("a.b", "c|d", 'e"\\f')]
    (batch,) = batches(parts)
    assert r'm{service=~"a\\.b|c\\|d|e\"\\\\f"}' in union(batch)


def test_batches__many_expressions__keep_the_bounds():
    made = batches([Expression(f"sum(increase(requests{n}[5s]))") for n in range(1000)])
    assert all(len(batch) <= MOST_MEMBERS for batch in made)
    assert len(made) <= 12


def test_batches__one_that_is_longer_than_any_batch__goes_alone():
    parts = [Expression("sum(a)"), Expression("sum(" + "a+" * MOST_BYTES + "a)"), Expression("b")]
    assert len(batches(parts)) == 3


@pytest.mark.parametrize(
    "results",
    [
        [{"metric": {}, "value": [1, "1"]}],
        [{"metric": {KEY: "7.0"}, "value": [1, "1"]}],
        [{"metric": {KEY: "x"}, "value": [1, "1"]}],
        [{"metric": {KEY: "0.0"}, "value": [1, "one"]}],
        [{"metric": {KEY: "0.0"}}],
        ["?"],
    ],
)
def test_distribute__result_that_nobody_asked_for__is_an_error(results):
    with pytest.raises(AnswerError):
        distribute(batches([Expression("a")])[0], results)


def test_distribute__sample_without_its_time__is_an_error_and_no_silence():
    with pytest.raises(AnswerError):
        distribute(batches([Raw(of_service("m"))])[0], [result("0.0", 1)])


VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[]}%s}'


@pytest.mark.parametrize(
    ("more", "partial", "remarks"),
    [
        (b"", "", ()),
        (b',"warnings":["store-2 unreachable"]', "store-2 unreachable", ("store-2 unreachable",)),
        (b',"warnings":["PromQL warning: mixed"]', "", ("PromQL warning: mixed",)),
        (b',"infos":["PromQL info: no counter"]', "", ("PromQL info: no counter",)),
        (b',"isPartial":true', "the server says that its answer is partial", ()),
    ],
)
def test_read_answer__what_is_missing__is_told_from_what_is_remarked(more, partial, remarks):
    answer = read_answer(VECTOR % more)
    assert (answer.partial, answer.remarks) == (partial, remarks)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status":"success"}',
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
        b'{"status":"error","data":{"resultType":"vector","result":[]}}',
        b"[" * 100_000,
    ],
)
def test_read_answer__anything_else__is_an_error(content):
    with pytest.raises(AnswerError):
        read_answer(content)


def test_read_refusal__of_a_proxy_in_between__is_none():
    assert read_refusal(b'{"status":"error","errorType":"bad_data","error":"no"}') == "no"
    assert read_refusal(b"Client sent an HTTP request to an HTTPS server.") is None
