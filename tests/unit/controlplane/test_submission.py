import pytest

from attribution.errors import CaseError
from controlplane.submission import parse

BODY = {
    "title": "Cart 1.4.1",
    "kind": "deploy",
    "environment": "production",
    "targets": [{"service": "cart"}],
    "artefact": {"image": "shop/cart:1.4.1"},
}
GUARDRAIL = {
    "name": "errors",
    "events": 'requests_total{code="500",$cohort}',
    "total": "requests_total{$cohort}",
}
HALF = [{"share": 0.5}, {"share": 1}]


def deep(levels):
    value = "x"
    for _ in range(levels):
        value = [value]
    return value


WRONG = [
    ({"title": None}, "/title"),
    ({"title": "two\nlines"}, "/title"),
    ({"title": "x" * 201}, "/title"),
    ({"kind": "deployment"}, "/kind"),
    ({"class": "urgent"}, "/class"),
    ({"environment": ""}, "/environment"),
    ({"targets": []}, "/targets"),
    ({"targets": [{}]}, "/targets/0/service"),
    ({"targets": [{"service": "a"}, {"service": "a"}]}, "/targets/1/service"),
    ({"targets": [{"service": "a", "share": 1}]}, "/targets/0/share"),
    ({"targets": [{"service": "a", "units": []}]}, "/targets/0/units"),
    ({"targets": [{"service": "a", "units": ["1", 2]}]}, "/targets/0/units/1"),
    ({"artefact": 7}, "/artefact"),
    ({"artefact": {"a": "nul \x00"}}, "/artefact/a"),
    ({"artefact": {"a": "half \ud800"}}, "/artefact/a"),
    ({"artefact": {"a": float("nan")}}, "/artefact/a"),
    ({"artefact": deep(200)}, "/artefact" + "/0" * 100),
    ({"surprise": 1}, "/surprise"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"source": {"commit": "1"}}, "/source/commit"),
    ({"source": {"pipeline_url": "javascript:alert(1)"}}, "/source/pipeline_url"),
    ({"executor": {"config": {}}}, "/executor/name"),
    ({"executor": {"name": "http", "config": {"url": "http://x"}}}, "/executor/config/url"),
    ({"plan": {"steps": []}}, "/plan/steps"),
    ({"plan": {"stages": []}}, "/plan/stages"),
    ({"plan": {"stages": [{"share": 0.5}, {"share": 0.2}]}}, "/plan/stages/1/share"),
    ({"plan": {"stages": [{"share": 0.5}, {"share": 1.5}]}}, "/plan/stages/1/share"),
    ({"plan": {"stages": [{"share": 0}, {"share": 1}]}}, "/plan/stages/0/share"),
    ({"plan": {"stages": [{"share": 0.5}]}}, "/plan/stages/0/share"),
    ({"plan": {"stages": [{"share": 1, "min_s": -1}]}}, "/plan/stages/0/min_s"),
    ({"plan": {"stages": [{"share": 1, "min_s": 9, "max_s": 3}]}}, "/plan/stages/0/max_s"),
    ({"plan": {"stages": [{"share": 1, "gates": ["moon"]}]}}, "/plan/stages/0/gates"),
    ({"plan": {"on_inconclusive": "promote"}}, "/plan/on_inconclusive"),
    ({"guardrails": [{**GUARDRAIL, "events": "requests_total{}"}]}, "/guardrails/0/events"),
    ({"guardrails": [GUARDRAIL, GUARDRAIL]}, "/guardrails/1/name"),
    ({"scheduled_for": "tomorrow"}, "/scheduled_for"),
    ({"scheduled_for": "2026-01-01T00:00:00"}, "/scheduled_for"),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG)
def test_parse__wrong_field__points_at_it(wrong, pointer):
    with pytest.raises(CaseError) as caught:
        parse(BODY | wrong)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("body", [None, [], "text", 7, {}])
def test_parse__no_change_at_all__is_a_case_error(body):
    with pytest.raises(CaseError):
        parse(body)


def test_parse__whole_change__is_taken_as_it_is():
    found = parse(
        BODY
        | {
            "class": "emergency",
            "targets": [{"service": "cart", "units": ["a", "b"]}],
            "plan": {"stages": HALF, "on_inconclusive": "rollback"},
            "guardrails": [GUARDRAIL],
            "executor": {"name": "http", "config": {"target": "cart-router"}},
            "source": {"pipeline_url": "https://ci.example/1", "revision": "9f3c"},
            "scheduled_for": "2026-01-31T09:00:00Z",
        }
    )
    assert found.targets[0].units == ("a", "b")
    assert [stage["share"] for stage in found.plan["stages"]] == [0.5, 1.0]
    assert found.guardrails[0]["margin"] == 0.1
    assert found.scheduled_for.isoformat() == "2026-01-31T09:00:00+00:00"
