"""Hands out the client: constant content, for everybody, with its sha256."""

import base64
import hashlib
from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import condition, require_safe

FILE = Path(__file__).with_name("graygate.py")


@cache
def content() -> bytes:
    """As it was when this process began: the sum and the file never disagree."""
    return FILE.read_bytes()


def sha256() -> str:
    return hashlib.sha256(content()).hexdigest()


def _etag(_request: HttpRequest) -> str:
    return f'"{sha256()}"'


@require_safe
@condition(etag_func=_etag)
def client(_request: HttpRequest) -> HttpResponse:
    digest = base64.b64encode(hashlib.sha256(content()).digest()).decode()
    headers = {
        # RFC 9530.
        "Repr-Digest": f"sha-256=:{digest}:",
        "Content-Disposition": 'attachment; filename="graygate.py"',
        "Cache-Control": "public, max-age=300",
    }
    return HttpResponse(content(), content_type="text/x-python; charset=utf-8", headers=headers)


@require_safe
def checksum(_request: HttpRequest) -> HttpResponse:
    """What `sha256sum --check` reads."""
    return HttpResponse(f"{sha256()}  graygate.py\n", content_type="text/plain; charset=utf-8")
