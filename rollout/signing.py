"""Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body` (standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_S = 300
PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)


class SignatureError(ValueError):
    """The message is not from whom it says, or too old to be believed."""


def secret_bytes(secret: str) -> bytes:
    """The key of `whsec_<base64 of 24 to 64 bytes>`. Never put the argument into the message."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError("a signing secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raise SignatureError unless one of the signatures is right and the message is fresh."""
    folded = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp = folded["webhook-id"], int(folded["webhook-timestamp"])
        given = folded["webhook-signature"].split()
    except (KeyError, ValueError) as error:
        raise SignatureError("webhook-id, -timestamp or -signature is missing") from error
    if abs(now - timestamp) > TOLERANCE_S:
        raise SignatureError("webhook-timestamp is too far from now")
    expected = signature(secret, message_id, timestamp, body)
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise SignatureError("no signature matches")
