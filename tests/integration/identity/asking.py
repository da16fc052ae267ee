"""The exchange over REST, as a job asks for it."""

from controlplane.api.tokens import GRANT, SUBJECT_TYPES
from tests.integration.api.conftest import Caller


def ask(subject_token, /, **more):
    body = {
        "grant_type": GRANT,
        "subject_token": subject_token,
        "subject_token_type": SUBJECT_TYPES[0],
        **more,
    }
    return Caller("").post("tokens/exchange", body)


def exchanged(subject_token, /, **more):
    answer = ask(subject_token, **more)
    assert answer.status_code == 200, answer.content
    return Caller(answer.json()["access_token"])
