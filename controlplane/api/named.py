"""What operators write by name: PUT says how it shall be as a whole, DELETE takes it away."""

from abc import abstractmethod
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.access import Scope
from controlplane.api.base import ApiView, PagedView, body_of
from controlplane.api.errors import invalid


class NamedListView(PagedView):
    scopes: ClassVar = {"GET": Scope.READ}
    cursor_fields: ClassVar = ("name", "id")

    @abstractmethod
    def rows(self, request: Request) -> QuerySet[Any]: ...

    @abstractmethod
    def shown(self, row: Any) -> dict[str, Any]: ...

    def get(self, request: Request) -> Response:
        pages = self.pages
        rows = pages.paginate_queryset(self.rows(request), request, self)
        return pages.get_paginated_response([self.shown(row) for row in rows])


class NamedView(ApiView):
    """One thing by its name. `put_row` answers with the row and whether it is new."""

    scopes: ClassVar = {"GET": Scope.READ, "PUT": Scope.OPERATE, "DELETE": Scope.OPERATE}

    @abstractmethod
    def row(self, request: Request, name: str) -> Model:
        """Raises ObjectDoesNotExist."""

    @abstractmethod
    def put_row(self, request: Request, name: str, body: dict[str, Any]) -> tuple[Any, bool]: ...

    @abstractmethod
    def shown(self, row: Any) -> dict[str, Any]: ...

    def remove(self, row: Any) -> None:
        row.delete()

    def get(self, request: Request, name: str) -> Response:
        return Response(self.shown(self.row(request, name)))

    def put(self, request: Request, name: str) -> Response:
        body = body_of(request)
        if body.get("name", name) != name:
            raise invalid(f"The address says {name!r}: leave the name out.", "/name")
        with transaction.atomic():
            row, created = self.put_row(request, name, body)
        headers = {"Location": request.path} if created else None
        return Response(self.shown(row), status=201 if created else 200, headers=headers)

    def delete(self, request: Request, name: str) -> Response:
        self.remove(self.row(request, name))
        return Response(status=204)
