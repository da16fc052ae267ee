"""The command: files of other tools → files that `apply` takes."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from attribution.models import Guardrail
from tests.factories import ServiceFactory

RULES = """\
groups:
- name: shop
  rules:
  - alert: Errors
    expr: sum(rate(errors_total[5m])) / sum(rate(requests_total[5m])) > 0.05
  - alert: Slow
    expr: histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[5m]))) > 1
    labels: {severity: critical}
"""


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "rules.yaml"


@pytest.mark.django_db
def test_import__written_and_applied__is_stored_as_it_was_read(rules, tmp_path, capsys):
    cart = ServiceFactory(name="cart")
    out = tmp_path / "out"
    call_command("import_guardrails", "prometheus", str(rules), "--service=cart", "-o", str(out))
    assert "2 of 2 metrics became guardrails." in capsys.readouterr().err
    call_command("apply", "-f", str(out))

    slow = Guardrail.objects.get(service=cart, name="Slow").spec
    assert (slow["kind"], slow["critical"]) == ("distribution", True)
    assert Guardrail.objects.get(service=cart, name="Errors").spec["kind"] == "ratio"


def test_import__to_standard_output__is_yaml_and_nothing_else(rules, capsys):
    call_command("import_guardrails", "prometheus", str(rules), "--service", "cart")
    seen = capsys.readouterr()

    assert seen.out.startswith("kind: Guardrail\nname: Errors\nservice: cart\n")
    assert f"{rules}:5: groups.0.rules.0" in seen.err or f"{rules}:4: " in seen.err


def test_import__over_another_file__writes_nothing(rules, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "cart-guardrails.yaml").write_text("mine")
    with pytest.raises(CommandError, match="nothing was written"):
        call_command(
            "import_guardrails", "prometheus", str(rules), "--service=cart", "-o", str(out)
        )

    assert (out / "cart-guardrails.yaml").read_text() == "mine"


def test_import__of_which_nothing_is_left__is_a_failure(rules):
    with pytest.raises(SystemExit) as ended:
        call_command("import_guardrails", "prometheus", str(rules))
    assert ended.value.code == 1


def test_import__set_without_a_value__is_refused(rules):
    with pytest.raises(CommandError, match="NAME=VALUE"):
        call_command("import_guardrails", "prometheus", str(rules), "--set", "x")
