"""Reads the operator's environment into settings; a bad value is kept for the system checks."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kombu.utils.url import parse_url

UNREADABLE = "unreadable://"


def flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, str(default)).lower() in {"1", "true", "yes", "on"}


def database_settings(var_dir: Path) -> dict[str, Any]:
    # Several tasks a second: a connection of its own for each would cost more than its work.
    kept = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        return kept | {
            "ENGINE": "controlplane.embedded",
            "NAME": "postgres",
            "USER": "postgres",
            "OPTIONS": {"data_directory": str(var_dir / "postgresql")},
        }
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    return kept | {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": query,
    }


def broker_settings(var_dir: Path) -> dict[str, Any]:
    """Redis or RabbitMQ by CELERY_BROKER_URL; else files in a folder, which need no server."""
    url = os.environ.get("CELERY_BROKER_URL", "")
    if url:
        return {
            "CELERY_BROKER_URL": readable_broker(url),
            "CELERY_BROKER_TRANSPORT_OPTIONS": broker_options(url),
        }
    folder = var_dir / "broker"
    return {
        "CELERY_BROKER_URL": "filesystem://",
        "CELERY_BROKER_TRANSPORT": "controlplane.doorbell:Transport",
        "CELERY_BROKER_TRANSPORT_OPTIONS": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "polling_interval": 0.2,
        },
        "GRAYGATE_BROKER_FOLDER": folder,
    }


def readable_broker(url: str) -> str:
    """An address that Celery can take apart; else one that says so, and nothing of the password."""
    try:
        for one in url.split(";"):
            parse_url(one)
    except (ValueError, TypeError):
        return UNREADABLE
    return url


def broker_options(url: str) -> dict[str, Any]:
    """No call to a broker that hangs may take for ever."""
    if url.startswith("amqp"):
        return {"confirm_publish": True, "read_timeout": 10, "write_timeout": 10}
    return {
        # A ring that was taken and not answered is back after this long, stale by then.
        "visibility_timeout": 60,
        "socket_timeout": 10,
        "socket_connect_timeout": 4,
        "socket_keepalive": True,
        # Beside whatever else lives in this Redis.
        "global_keyprefix": "graygate:",
    }


@dataclass(frozen=True)
class OperatorFile:
    """What only the operator may say: where requests may go, and with which secrets."""

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    allowed_destinations: tuple[str, ...] = ()
    # {"url", "model", "token_env"?, "timeout_s"?}; empty: no model is asked.
    reviewer: dict[str, Any] = field(default_factory=dict)
    # {"url"}: who is told each minute that the loop is well; empty: nobody.
    heartbeat: dict[str, Any] = field(default_factory=dict)
    # Whose word on a CI job's identity counts: identity/providers.py.
    identity_providers: list[Any] = field(default_factory=list)
    error: str = ""


def operator_file(path: str | None) -> OperatorFile:
    """An unreadable file must not stop `manage.py check` from saying what is wrong with it."""
    if not path:
        return OperatorFile()
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return OperatorFile(
            targets=dict(content.get("targets", {})),
            sources=dict(content.get("sources", {})),
            webhooks=list(content.get("webhooks", [])),
            allowed_destinations=tuple(content.get("allowed_destinations", ())),
            reviewer=dict(content.get("reviewer", {})),
            heartbeat=dict(content.get("heartbeat", {})),
            identity_providers=list(content.get("identity_providers", [])),
        )
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        return OperatorFile(error=f"{path}: {error}")
