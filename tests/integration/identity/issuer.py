"""A real OpenID Connect issuer: an HTTP server with discovery, keys that rotate, and the address
at which GitHub's runner gives a job its token.
"""

import base64
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

BEARER = "runner-secret"


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


# Making one takes long: those that only have to differ are made once.
RSA_KEYS = [rsa_key(), rsa_key()]


def claims(issuer: str, **given: Any) -> dict[str, Any]:
    now = int(time.time())
    told = {
        "iss": issuer,
        "aud": "https://graygate.example",
        "sub": "repo:acme/cart:ref:refs/heads/main",
        "repository": "acme/cart",
        "ref": "refs/heads/main",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        **given,
    }
    return {name: value for name, value in told.items() if value is not None}


@dataclass
class Issuer:
    """`answer`: what is said instead of the keys, as (status, bytes). `hold`: until when nothing is
    said; `reached` tells that somebody waits for it.
    """

    url: str = ""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    answer: tuple[int, bytes] | None = None
    asked: list[str] = field(default_factory=list)
    audiences: list[str] = field(default_factory=list)
    hold: threading.Event | None = None
    reached: threading.Event = field(default_factory=threading.Event)

    def rotate(self, key_id: str, algorithm: str = "RS256", key: Any = None) -> None:
        """From now on it signs with this key, and tells of no other."""
        if key is None:
            fresh = RSA_KEYS[len(self.keys) % 2]
            key = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else fresh
        self.keys = {key_id: (algorithm, key)}

    def sign(self, *, header: dict[str, Any] | None = None, **given: Any) -> str:
        ((key_id, (algorithm, key)),) = self.keys.items()
        named = {"kid": key_id, **(header or {})}
        return jwt.encode(claims(self.url, **given), key, algorithm, headers=named)

    def jwks(self) -> bytes:
        return json.dumps({"keys": [self._jwk(key_id) for key_id in self.keys]}).encode()

    def _jwk(self, key_id: str) -> dict[str, Any]:
        algorithm, key = self.keys[key_id]
        kind = jwt.get_algorithm_by_name(algorithm)
        told = kind.to_jwk(key.public_key(), as_dict=True)
        return {**told, "kid": key_id, "use": "sig", "alg": algorithm}

    def entry(self, **given: Any) -> dict[str, Any]:
        """As the operator's file has it."""
        return {
            "name": "github",
            "issuer": self.url,
            "audience": "https://graygate.example",
            "jwks_url": f"{self.url}/jwks",
            "identity": "repository",
            "rules": [{"claims": {"repository": "acme/*", "ref": "refs/heads/main"}}],
            **given,
        }

    def respond(self, path: str, bearer: str) -> tuple[int, bytes]:
        self.asked.append(path)
        parts = urlsplit(path)
        if self.hold is not None:
            self.reached.set()
            self.hold.wait(30)
        if parts.path == "/.well-known/openid-configuration":
            return 200, json.dumps({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}).encode()
        if parts.path == "/jwks":
            return self.answer or (200, self.jwks())
        if parts.path == "/job-token" and bearer == f"Bearer {BEARER}":
            self.audiences += parse_qs(parts.query)["audience"]
            return 200, json.dumps({"value": self.sign()}).encode()
        return 404, b"{}"


def serve(issuer: Issuer) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = issuer.respond(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Location", f"{issuer.url}/elsewhere")
            self.end_headers()
            with suppress(BrokenPipeError):  # nobody waits any more
                self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    return server


def forged(token: str, **header: Any) -> str:
    """The same claims behind another header, with the signature that was there."""
    _, payload, signature = token.split(".")
    return f"{b64(json.dumps(header).encode())}.{payload}.{signature}"


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
