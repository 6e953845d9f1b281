"""Readers of JSON values. The generated models are built from these.

Unknown keys and unknown enum values are accepted: an older client must be able to read a newer daemon. A missing
required field or a value of another type is ``MachineError`` with code ``invalid_response``, which names the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any, TypeVar, cast

from .errors import MachineError

T = TypeVar("T")
E = TypeVar("E", bound="OpenEnum")
Reader = Callable[[object, str], T]
"""Takes a JSON value and the place it stands at, gives what it means."""


class OpenEnum(str, Enum):
    """A string with known values. One that this version does not know is kept as it came."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = value.upper()
        unknown._value_ = value
        return unknown


def invalid(where: str, expected: str, value: object) -> MachineError:
    return MachineError(
        f"The answer does not fit: {where} must be {expected}, not {type(value).__name__}.", code="invalid_response"
    )


def fields(value: object, where: str) -> Mapping[str, Any]:
    """The value as a JSON object."""
    if not isinstance(value, dict):
        raise invalid(where, "an object", value)
    return cast("Mapping[str, Any]", value)


def required(source: Mapping[str, Any], name: str, read: Reader[T], where: str) -> T:
    if name not in source:
        raise MachineError(f"The answer does not fit: {where}.{name} is missing.", code="invalid_response")
    return read(source[name], f"{where}.{name}")


def optional(source: Mapping[str, Any], name: str, read: Reader[T], where: str) -> T | None:
    """None for a field that is absent or null."""
    value = source.get(name)
    return None if value is None else read(value, f"{where}.{name}")


def field(name: str, read: Reader[T]) -> Reader[T]:
    """Of an object of which one field counts."""
    return lambda value, where: required(fields(value, where), name, read, where)


def answer(read: Reader[T]) -> Callable[[object], T]:
    """A reader of a whole answer."""
    return lambda document: read(document, "answer")


def anything(value: object, where: str) -> Any:
    return value


def string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise invalid(where, "a string", value)
    return value


def boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(where, "a boolean", value)
    return value


def integer(value: object, where: str) -> int:
    """Also reads ``1500.0``, which is the same number in JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(where, "a whole number", value)
    return value


def number(value: object, where: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise invalid(where, "a number", value)
    return float(value)


_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def timestamp(value: object, where: str) -> datetime:
    """RFC 3339 with ``Z`` or offset, any number of sub-second digits (cut to microseconds). Always aware."""
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise invalid(where, "a date and time", value)
    *whole, fraction, zulu, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(part) for part in whole)
    offset = timedelta() if zulu else timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        return datetime(
            year, month, day, hour, minute, second, int((fraction or "0")[:6].ljust(6, "0")), timezone(offset)
        )
    except ValueError as error:
        raise invalid(where, "a date and time", value) from error


def nullable(read: Reader[T]) -> Reader[T | None]:
    return lambda value, where: None if value is None else read(value, where)


def array(read: Reader[T]) -> Reader[list[T]]:
    def read_array(value: object, where: str) -> list[T]:
        if not isinstance(value, list):
            raise invalid(where, "an array", value)
        return [read(item, f"{where}[{index}]") for index, item in enumerate(cast("list[object]", value))]

    return read_array


def mapping(read: Reader[T]) -> Reader[dict[str, T]]:
    return lambda value, where: {name: read(item, f"{where}.{name}") for name, item in fields(value, where).items()}


def enum(kind: type[E]) -> Reader[E]:
    return lambda value, where: kind(string(value, where))
