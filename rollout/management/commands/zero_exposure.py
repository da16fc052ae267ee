"""The former name of `zero`."""

from rollout.management.commands.zero import Command

__all__ = ["Command"]
