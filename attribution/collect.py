"""Reading what is due from the services' sources, once a service and interval."""


def collect_due() -> int:
    raise NotImplementedError
