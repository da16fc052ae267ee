"""The metrics of one instance, in the words of OpenTelemetry's conventions."""

import re

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from demo.fleet.layout import CALLS, FIRST_VERSION, TRACKS, Instance

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
# Labels come sorted by name, and none before this one is left out.
TRACK = re.compile(rb',track="\w+"')
CONTENT_TYPE = {"Content-Type": CONTENT_TYPE_LATEST}

disable_created_metrics()  # type: ignore[no-untyped-call]  # its library left it untyped


class InstanceMetrics:
    def __init__(self, instance: Instance) -> None:
        self.registry = CollectorRegistry()
        self.instance = instance
        self.own = {"service_name": instance.service, "track": instance.track}
        self.served = Counter(
            "http_server_requests",
            "Requests answered",
            ["service_name", "service_version", "track", "code"],
            registry=self.registry,
        )
        self.served_s = self._seconds(
            "http_server_request_duration", "Time to answer", ["service_version"]
        )
        self.called = Counter(
            "http_client_requests",
            "Requests made to other services",
            ["service_name", "track", "peer", "peer_track", "code"],
            registry=self.registry,
        )
        self.called_s = self._seconds(
            "http_client_request_duration", "Time until the answer", ["peer", "peer_track"]
        )
        self.set_version(FIRST_VERSION)
        for peer in CALLS[instance.service]:
            for track in TRACKS:
                for code in (200, 500):
                    self.called.labels(**self.own, peer=peer, peer_track=track, code=code)

    def _seconds(self, name: str, what: str, more: list[str]) -> Histogram:
        labels = ["service_name", "track", *more]
        return Histogram(f"{name}_seconds", what, labels, buckets=BUCKETS, registry=self.registry)

    def set_version(self, version: str) -> None:
        """A counter exists from zero on, or the first error would be no increase."""
        self.version = version
        for code in (200, 500, 502):
            self.served.labels(**self.own, service_version=version, code=code)

    def count_served(self, code: int, seconds: float) -> None:
        self.served.labels(**self.own, service_version=self.version, code=code).inc()
        self.served_s.labels(**self.own, service_version=self.version).observe(seconds)

    def count_called(self, peer: str, peer_track: str, code: int, seconds: float) -> None:
        whom = self.own | {"peer": peer, "peer_track": peer_track}
        self.called.labels(**whom, code=code).inc()
        self.called_s.labels(**whom).observe(seconds)

    def text(self, *, labelled: bool = True) -> bytes:
        """Not labelled: the same numbers, without the label that tells the tracks apart."""
        text = generate_latest(self.registry)
        return text if labelled else TRACK.sub(b"", text)
