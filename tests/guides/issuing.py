"""The issuer that vouches for the guide's job: like GitHub's, it signs for whom it is asked."""

import json
from urllib.parse import parse_qs, urlsplit

from tests.integration.identity.issuer import BEARER, Issuer

REPOSITORY = "acme/mailer"


class Runner(Issuer):
    def token(self, audience: str, ref: str = "refs/heads/main") -> str:
        sub = f"repo:{REPOSITORY}:ref:{ref}"
        return self.sign(aud=audience, repository=REPOSITORY, ref=ref, sub=sub)

    def respond(self, path: str, bearer: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        if parts.path != "/job-token" or bearer != f"Bearer {BEARER}":
            return super().respond(path, bearer)
        (audience,) = parse_qs(parts.query)["audience"]
        return 200, json.dumps({"value": self.token(audience)}).encode()
