"""Somebody else's company: three services behind HAProxy, scraped by Prometheus; no Graygate."""
