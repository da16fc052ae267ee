"""The demo fleet: real processes that call one another over real HTTP on 127.0.0.1."""
