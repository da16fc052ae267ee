"""What a file is, told from its path: conventions that many languages share."""

import re
from dataclasses import dataclass

from controlplane.risk.names import vocabulary

SOURCE = vocabulary(
    "adb ads asm bash c cc cjs clj cljs cpp cs cxx d dart el erl ex exs f90 fs go groovy h hh hpp "
    "hs hxx java jl js jsx kt kts lua m mjs ml mm mts nim pas php pl pm ps1 py pyx r rb rs scala "
    "sh sol sql svelte swift tcl ts tsx v vb vue zig zsh"
)
DOCUMENTS = vocabulary("adoc md rst txt tex pdf diff patch")
PICTURES = vocabulary("png jpg jpeg gif svg ico webp bmp woff woff2 ttf otf eot mp3 mp4 wav")

_TEST = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|testdata|fixtures|e2e|cypress)/"
    r"|(?:^|/)(?:test_[^/]*|conftest\.py|[^/]*[._-](?:test|tests|spec|e2e)\.[^/]+)$"
    r"|(?:^|/)[^/]*(?:Test|Tests|TestCase|Spec|IT)\.(?:java|kt|kts|scala|groovy|cs|php|swift|m|mm)$",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"(?:^|/)(?:vendor|third_party|node_modules|dist|__generated__|generated)/"
    r"|(?:\.min\.(?:js|css)|\.map|\.pb\.go|_pb2(?:_grpc)?\.pyi?|\.snap|\.g\.dart|\.designer\.cs)$",
    re.IGNORECASE,
)
_LOCK = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock"
    r"|uv\.lock|pdm\.lock|Pipfile\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum"
    r"|gradle\.lockfile|packages\.lock\.json|flake\.lock|bun\.lockb?)$"
)
_MANIFEST = re.compile(
    r"(?:^|/)(?:package\.json|pyproject\.toml|setup\.(?:py|cfg)|requirements[^/]*\.(?:txt|in)"
    r"|Pipfile|Cargo\.toml|Gemfile|composer\.json|go\.mod|pom\.xml|build\.gradle(?:\.kts)?"
    r"|[^/]+\.(?:csproj|gemspec))$"
)
_MIGRATION = re.compile(
    r"(?:^|/)(?:migrations?|migrate|alembic/versions|flyway|liquibase)/[^/]+\.(?!md$|txt$)\w+$"
    r"|\.sql$",
    re.IGNORECASE,
)
_PIPELINE = re.compile(
    r"(?:^|/)(?:\.github/(?:workflows|actions)/|\.gitlab-ci|\.circleci/|\.buildkite/|\.ci/"
    r"|\.pre-commit-config|\.travis\.yml|azure-pipelines|bitbucket-pipelines|Jenkinsfile"
    r"|cloudbuild\.ya?ml)"
)
_OWNERS = re.compile(r"(?:^|/)(?:CODEOWNERS|OWNERS)$")


@dataclass(frozen=True, slots=True)
class Kind:
    """`source`: code that people wrote and that runs, tests not included."""

    source: bool
    test: bool
    generated: bool
    lock: bool
    manifest: bool
    migration: bool
    pipeline: bool
    owners: bool


def kind_of(path: str) -> Kind:
    path = path[-400:]
    test, generated = bool(_TEST.search(path)), bool(_GENERATED.search(path))
    return Kind(
        source=suffix(path) in SOURCE and not test and not generated,
        test=test,
        generated=generated,
        lock=bool(_LOCK.search(path)),
        manifest=bool(_MANIFEST.search(path)),
        migration=bool(_MIGRATION.search(path)) and not test,
        pipeline=bool(_PIPELINE.search(path)),
        owners=bool(_OWNERS.search(path)),
    )


def suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def folder(path: str) -> str:
    return path.rpartition("/")[0]


def subsystem(path: str) -> str:
    """The first folder; a file at the top belongs to the top."""
    return path.partition("/")[0] if "/" in path else ""
