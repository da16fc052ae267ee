import pytest

from controlplane.environment import OperatorFile
from controlplane.identity import keys
from tests.integration.identity.issuer import Issuer, serve


@pytest.fixture
def issuer():
    made = Issuer()
    made.rotate("k1")
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def trusted(issuer, settings, monkeypatch):
    """trusted(**entry) → the issuer stands in the operator's file, so written."""
    keys.keys_of.cache_clear()
    # Whether the least time between two reads is kept, a test of its own says.
    monkeypatch.setattr(keys, "READ_EVERY_S", 0.0)

    def trust(**given):
        settings.OPERATOR = OperatorFile(identity_providers=[issuer.entry(**given)])
        return issuer

    return trust
