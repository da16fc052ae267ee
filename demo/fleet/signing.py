"""Standard Webhooks, the receiving and the sending end."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_S = 300
PREFIX = "whsec_"


class BadSignatureError(Exception):
    """The message says what is wrong, never the secret or the expected signature."""


def key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret must be whsec_ followed by base64") from error


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed_headers(secret: str, message_id: str, now: float, body: bytes) -> dict[str, str]:
    timestamp = str(int(now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> None:
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdecimal():
        raise BadSignatureError("webhook-id and webhook-timestamp (unix seconds) are required")
    if abs(now - int(timestamp)) > TOLERANCE_S:
        raise BadSignatureError(f"webhook-timestamp is more than {TOLERANCE_S} s off")
    expected = signature(secret, message_id, timestamp, body).encode()
    # Several signatures, space-separated, while a key rotates: one match is enough.
    offered = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected, one.encode()) for one in offered):
        raise BadSignatureError("webhook-signature does not match id.timestamp.body")
