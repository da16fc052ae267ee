"""kombu's Redis transport, for rings that need not be put back when the connection is lost.

kombu (5.7.0) puts what was taken and not answered back into the queue by a connection that it has
already thrown away, and acknowledges by one what is answered later; the worker dies of either. A
ring is not worth it: Redis has it still, gives it back after the visibility timeout, stale by then.
"""

from kombu.transport import redis


class QoS(redis.QoS):
    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's
        if not self.channel.closed:
            super().reject(delivery_tag, requeue)


class Channel(redis.Channel):
    QoS = QoS
    do_restore = False


class Transport(redis.Transport):
    Channel = Channel
