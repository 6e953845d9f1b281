"""Templates: what is there to create machines from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import _wire
from .._models import TemplateInfo
from .._operation import Operation, field_mask
from .._retry import READ

_COLLECTION = "/v1/templates"


def listing() -> Operation[list[TemplateInfo]]:
    return Operation(method="GET", path=_COLLECTION, read=_templates, retry=READ)


def masked_listing(fields: Iterable[str] | str) -> Operation[list[dict[str, Any]]]:
    return Operation(method="GET", path=_COLLECTION, query=field_mask(fields), read=_objects, retry=READ)


def _templates(document: object) -> list[TemplateInfo]:
    return _wire.array(TemplateInfo.from_wire)(document, "templates")


def _objects(document: object) -> list[dict[str, Any]]:
    return _wire.array(_wire.mapping(_wire.anything))(document, "templates")
