"""Who may do what: roles are Django groups of these names, each with everything below it."""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User


class Scope(StrEnum):
    READ = "read"
    SUBMIT = "submit"
    # Its own scope so that an alert manager's token is able to do nothing else.
    ALERT = "alert"
    APPROVE = "approve"
    OPERATE = "operate"
    ADMIN = "admin"


class Role(StrEnum):
    VIEWER = "viewer"
    SUBMITTER = "submitter"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


_ADDED_BY_ROLE: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.SUBMITTER: frozenset({Scope.SUBMIT, Scope.ALERT}),
    Role.APPROVER: frozenset({Scope.APPROVE}),
    Role.OPERATOR: frozenset({Scope.OPERATE}),
    Role.ADMIN: frozenset({Scope.ADMIN}),
}


def scopes_of_role(role: Role) -> frozenset[Scope]:
    granted: frozenset[Scope] = frozenset()
    for each, added in _ADDED_BY_ROLE.items():
        granted |= added
        if each is role:
            break
    return granted


def scopes_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[Scope]:
    """Read from the database each time: a role that was taken away is gone at once."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Scope)
    roles = user.groups.filter(name__in=list(Role)).values_list("name", flat=True)
    return frozenset().union(*(scopes_of_role(Role(name)) for name in roles))


def can(user: AbstractBaseUser | AnonymousUser, scope: str) -> bool:
    return scope in scopes_of(user)


def create_roles(**_signal: Any) -> None:
    """Receiver of post_migrate."""
    for role in Role:
        Group.objects.get_or_create(name=role.value)


def give_role(user: User, role: Role) -> None:
    """One role a user: the new one takes the place of the old one."""
    create_roles()
    user.groups.remove(*user.groups.filter(name__in=list(Role)))
    user.groups.add(Group.objects.get(name=role.value))


def same_person(one: str, other: str) -> bool:
    """`Ann` beside `ann` is a second account of the same person, not a second pair of eyes."""
    return one.casefold() == other.casefold()
