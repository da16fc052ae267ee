"""The API server: GET and PATCH of single objects, over real HTTP on a free port."""

import copy
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.rollout.cluster import controllers, schemas

TOKEN = "the-service-accounts-token"
MERGE = "application/merge-patch+json"
# What the server knows besides, and these objects partly do not take.
OTHER_PATCHES = {"application/json-patch+json", "application/strategic-merge-patch+json"}
KINDS = {
    "deployments": ("apps/v1", "Deployment", schemas.DEPLOYMENT),
    "httproutes": ("gateway.networking.k8s.io/v1", "HTTPRoute", schemas.HTTP_ROUTE),
    "rollouts": ("argoproj.io/v1alpha1", "Rollout", schemas.ROLLOUT),
}
MOST_WEIGHT = 1_000_000
Object = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - what the server says, no fault of this code
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


class Cluster(ThreadingHTTPServer):
    """`objects` by path. `before_patch` is called before each patch, outside the lock: whatever
    else happens in a cluster happens there.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.RLock()
        self.objects: dict[str, Object] = {}
        self.version = 1000
        self.pace: int | None = None
        self.accepted = "True"
        self.controllers_run = True
        # A verb with a resource, or with the name of an object.
        self.forbidden: set[tuple[str, str]] = set()
        self.asked: set[tuple[str, str]] = set()
        self.before_patch: Callable[[], object] = lambda: None
        self.patches: list[tuple[str, Object]] = []
        self.raw: bytes | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who was cut off has hung up: no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, resource: str, name: str, spec: Object, status: Object | None = None) -> None:
        version, kind, _ = KINDS[resource]
        path = f"/apis/{version}/namespaces/shop/{resource}/{name}"
        metadata = {"name": name, "namespace": "shop", "generation": 1, "uid": f"uid-{name}"}
        found = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        self.objects[path] = found | {"status": status or {}}
        self.touch(found=self.objects[path])
        self.control(path)

    def named(self, name: str) -> Object:
        return next(o for path, o in self.objects.items() if path.endswith(f"/{name}"))

    def touch(self, name: str = "", found: Object | None = None) -> None:
        with self.lock:
            self.version += 1
            chosen = self.named(name) if found is None else found
            chosen["metadata"]["resourceVersion"] = str(self.version)

    def control(self, path: str) -> None:
        """What a controller would do sooner or later."""
        found = self.objects[path]
        if not self.controllers_run:
            return
        run = {
            "Deployment": lambda: controllers.deployment(found, self.pace),
            "HTTPRoute": lambda: controllers.route(found, self.accepted),
            "Rollout": lambda: controllers.argo(found),
        }[found["kind"]]
        if run():
            self.touch(found=found)

    def read(self, path: str) -> Object:
        with self.lock:
            self._find("get", path)
            self.control(path)
            return copy.deepcopy(self.objects[path])

    def patched(self, path: str, kind: str, query: dict[str, list[str]], raw: bytes) -> Object:
        self.before_patch()
        with self.lock:
            resource, found = self._find("patch", path)
            body = self._body(kind, raw)
            self.patches.append((path, copy.deepcopy(body)))
            schema = KINDS[resource][2]
            new = self._merged(found, body, schema, query, status=path.endswith("/status"))
            if new != found:
                if new["spec"] != found["spec"]:
                    new["metadata"]["generation"] += 1
                found.clear()
                found.update(new)
                self.touch(found=found)
            return copy.deepcopy(found)

    def _find(self, verb: str, path: str) -> tuple[str, Object]:
        base = path.removesuffix("/status")
        resource, name = base.split("/")[-2:]
        full = resource + path.removeprefix(base)
        self.asked.add((verb, full))
        if {(verb, full), (verb, name)} & self.forbidden:
            message = f'{resource} "{name}" is forbidden: User "graygate" cannot {verb} "{full}"'
            raise Refusal(403, "Forbidden", message)
        if base not in self.objects or (path != base and resource == "httproutes"):
            raise Refusal(404, "NotFound", f'{resource} "{name}" not found')
        return resource, self.objects[base]

    @staticmethod
    def _body(kind: str, raw: bytes) -> Object:
        if kind != MERGE:
            code = 400 if kind in OTHER_PATCHES else 415
            raise Refusal(code, "UnsupportedMediaType", f"the body was in {kind}, not {MERGE}")
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refusal(400, "BadRequest", "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refusal(400, "BadRequest", "the body is not an object")
        return body

    @staticmethod
    def _merged(
        found: Object, body: Object, schema: Object, query: dict[str, list[str]], *, status: bool
    ) -> Object:
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != found["metadata"]["resourceVersion"]:
            message = (
                "the object has been modified; please apply your changes to the latest version"
            )
            raise Refusal(409, "Conflict", message)
        if query.get("fieldValidation") == ["Strict"] and (
            odd := list(schemas.unknown(body, schema))
        ):
            raise Refusal(400, "BadRequest", f'strict decoding error: unknown field "{odd[0]}"')
        merged = merge(found, body)
        if wrong := list(schemas.mistyped(merged, schema)) + list(out_of_bounds(merged)):
            raise Refusal(422, "Invalid", f"{wrong[0]}: Invalid value")
        # The main resource leaves the status alone, the subresource everything else.
        part = {"status": merged["status"]} if status else {}
        rest = found if status else merged | {"status": found["status"]}
        fixed = {"generation", "uid", "name", "namespace", "resourceVersion"}
        metadata = rest["metadata"] | {name: found["metadata"][name] for name in fixed}
        return copy.deepcopy(rest | part | {"metadata": metadata})


def merge(found: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def out_of_bounds(found: Object) -> Iterator[str]:
    spec = found.get("spec", {})
    if spec.get("replicas", 0) < 0:
        yield "spec.replicas"
    for rule in spec.get("rules", []):
        for ref in rule.get("backendRefs", []):
            if not 0 <= ref.get("weight", 1) <= MOST_WEIGHT or not ref.get("name"):
                yield "spec.rules.backendRefs.weight"


class Handler(BaseHTTPRequestHandler):
    server: Cluster

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.respond(lambda path, _query: self.server.read(path))

    def do_PATCH(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        kind = self.headers.get("content-type", "")
        self.respond(lambda path, query: self.server.patched(path, kind, query, raw))

    def respond(self, make: Callable[[str, dict[str, list[str]]], Object]) -> None:
        address = urlsplit(self.path)
        try:
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refusal(401, "Unauthorized", "Unauthorized")  # noqa: TRY301
            self.answer(200, make(address.path, parse_qs(address.query)))
        except Refusal as no:
            status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
            facts = {"message": no.message, "reason": no.reason, "code": no.code}
            self.answer(no.code, status | facts)

    def answer(self, code: int, body: Object) -> None:
        raw = json.dumps(body).encode() if self.server.raw is None else self.server.raw
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@contextmanager
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()
