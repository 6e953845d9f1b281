"""Writes src/nullspace/_models.py from the OpenAPI document.

    python tools/gen_models.py [--openapi FILE] [--out FILE] [--check]

Standard library only, and the output depends on the document alone. ``--check`` writes nothing and fails when the file
would change. Only the models that the package uses are written: ``ROOTS``, ``ANSWERS`` and what they reach. Anything in
their schemas that this generator does not know is an error, never a guess.

Names of what has none in the document: an enum or object in field ``status`` of ``MachineInfo`` is ``MachineStatus``,
the items of array field ``shapes`` of ``TemplateInfo`` are ``TemplateShapesItem``; ``model_names.py`` has those that
are called otherwise. What gets the same name must be the same.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from model_names import ANSWERS, NAMES, ROOTS

PYTHON = Path(__file__).resolve().parent.parent
OPENAPI = PYTHON.parent / "openapi" / "openapi.json"
OUT = PYTHON / "src" / "nullspace" / "_models.py"

Schema = dict[str, Any]

# Keywords that restrict or describe values; a reader has no use for them.
IGNORED = frozenset((
    "$schema", "$id", "id", "title", "description", "default", "examples", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems",
    "propertyNames", "readOnly", "deprecated", "format",
))  # fmt: skip
SCALARS = {"string": ("str", "string"), "integer": ("int", "integer"), "number": ("float", "number")}


class Field(NamedTuple):
    name: str
    type: str
    reader: str
    required: bool
    doc: str


class Kind(NamedTuple):
    """How a schema is written and read in Python."""

    type: str
    reader: str


class Unsupported(Exception):
    """A schema this generator does not know."""


class Generator:
    def __init__(
        self, document: Schema, roots: Mapping[str, str] = ROOTS, answers: Mapping[str, str] = ANSWERS
    ) -> None:
        self._document = document
        self._components: Schema = document.get("components", {}).get("schemas", {})
        self._roots = roots
        self._answers = answers
        self._names = dict(roots)
        self._written: dict[str, tuple[Schema, str]] = {}

    def source(self) -> str:
        for component in self._roots:
            self._component(component)
        for operation, name in self._answers.items():
            self._model(name, self._answer(operation))
        classes = [text for _, (_, text) in sorted(self._written.items(), key=lambda entry: entry[0])]
        enums = [text for text in classes if "(OpenEnum)" in text]
        models = [text for text in classes if "(OpenEnum)" not in text]
        body = "\n\n\n".join(enums + models)
        return f"{_header(body)}\n\n\n{body}\n"

    def _answer(self, operation: str) -> Schema:
        for methods in self._document.get("paths", {}).values():
            for route in methods.values():
                if route.get("operationId") == operation:
                    return cast("Schema", route["responses"]["200"]["content"]["application/json"]["schema"])
        raise Unsupported(f"operation {operation} is missing")

    def _component(self, component: str) -> str:
        if component not in self._components:
            raise Unsupported(f"components.schemas.{component} is missing")
        schema = self._components[component]
        name = self._names.setdefault(component, component)
        if "enum" in schema:
            return self._enum(name, schema)
        return self._model(name, schema)

    def _remember(self, name: str, schema: Schema, text: str) -> str:
        known = self._written.get(name)
        if known is not None and _shape(known[0]) != _shape(schema):
            raise Unsupported(f"two different schemas would be called {name}")
        # The first one stays: values of an enum may stand in another order elsewhere.
        if known is None or not known[1]:
            self._written[name] = (schema, text)
        return name

    def _enum(self, name: str, schema: Schema) -> str:
        members = [f'    {_member(value)} = "{value}"' for value in schema["enum"]]
        doc = _docstring(schema, f"Known values of a ``{name}``.", "    ")
        return self._remember(name, schema, "\n".join([f"class {name}(OpenEnum):", doc, "", *members]))

    def _model(self, name: str, schema: Schema) -> str:
        _only(schema, ("type", "properties", "required", "additionalProperties"), name)
        if schema.get("type") != "object":
            raise Unsupported(f"{name} is not an object")
        # Before its fields are read, so that a model may hold itself.
        self._remember(name, schema, "")
        required = set(schema.get("required", ()))
        fields = [self._field(name, key, value, key in required) for key, value in schema.get("properties", {}).items()]
        fields.sort(key=lambda field: not field.required)
        return self._remember(name, schema, _model_text(name, schema, fields))

    def _field(self, model: str, key: str, schema: Schema, required: bool) -> Field:
        if not key.isidentifier() or keyword.iskeyword(key):
            raise Unsupported(f"{model}.{key} is no Python name")
        stem = model[: -len("Info")] if model.endswith("Info") else model
        kind = self._kind(schema, stem + _pascal(key), f"{model}.{key}")
        if not required and kind.type == "dict[str, Any]":
            # Free-form data that is absent is empty: nobody has to ask before looking something up.
            return Field(key, kind.type, kind.reader, required, schema.get("description", ""))
        if not required and not kind.type.endswith(" | None") and kind.type != "Any":
            return Field(key, f"{kind.type} | None", _unwrapped(kind.reader), required, schema.get("description", ""))
        return Field(
            key,
            kind.type,
            kind.reader if required else _unwrapped(kind.reader),
            required,
            schema.get("description", ""),
        )

    def _kind(self, schema: Schema, name: str, where: str) -> Kind:
        if "$ref" in schema:
            _only(schema, ("$ref",), where)
            return self._referenced(schema["$ref"], where)
        for union in ("anyOf", "oneOf"):
            if union in schema:
                _only(schema, (union,), where)
                return self._union(schema[union], name, where)
        if "const" in schema:
            return self._kind({"type": _json_type(schema["const"], where)}, name, where)
        if "enum" in schema:
            _only(schema, ("enum", "type"), where)
            if not all(isinstance(value, str) for value in schema["enum"]):
                raise Unsupported(f"{where}: enum of something else than strings")
            called = self._enum(NAMES.get(name, name), schema)
            return Kind(called, f"_wire.enum({called})")
        return self._typed(schema, name, where)

    def _typed(self, schema: Schema, name: str, where: str) -> Kind:
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._union([{**schema, "type": one} for one in cast("list[str]", kind)], name, where)
        if kind is None:
            _only(schema, (), where)
            return Kind("Any", "_wire.anything")
        if kind == "array":
            _only(schema, ("type", "items"), where)
            item = self._kind(schema.get("items", {}), f"{name}Item", f"{where}[]")
            return Kind(f"list[{item.type}]", f"_wire.array({item.reader})")
        if kind == "object":
            return self._object(schema, name, where)
        _only(schema, ("type",), where)
        if kind == "boolean":
            return Kind("bool", "_wire.boolean")
        if kind == "string" and schema.get("format") == "date-time":
            return Kind("datetime", "_wire.timestamp")
        if kind in SCALARS:
            written, reader = SCALARS[kind]
            return Kind(written, f"_wire.{reader}")
        raise Unsupported(f"{where}: type {kind}")

    def _object(self, schema: Schema, name: str, where: str) -> Kind:
        if "properties" in schema:
            model = self._model(NAMES.get(name, name), schema)
            return Kind(model, f"{model}.from_wire")
        _only(schema, ("type", "additionalProperties"), where)
        values = schema.get("additionalProperties", {})
        item = self._kind({} if values is True else values or {}, f"{name}Value", f"{where}{{}}")
        return Kind(f"dict[str, {item.type}]", f"_wire.mapping({item.reader})")

    def _referenced(self, reference: str, where: str) -> Kind:
        component = reference.rpartition("/")[2]
        if reference != f"#/components/schemas/{component}":
            raise Unsupported(f"{where}: reference {reference}")
        schema = self._components.get(component, {})
        if "properties" not in schema and "enum" not in schema:
            return self._kind(schema, component, where)
        name = self._names.get(component, component)
        if name not in self._written:
            self._component(component)
        return Kind(name, f"_wire.enum({name})" if "enum" in schema else f"{name}.from_wire")

    def _union(self, parts: list[Schema], name: str, where: str) -> Kind:
        others = [part for part in parts if part.get("type") != "null"]
        if len(others) != 1:
            raise Unsupported(f"{where}: union of {len(others)} types")
        kind = self._kind(others[0], name, where)
        if len(others) == len(parts) or kind.type == "Any":
            return kind
        return Kind(f"{kind.type} | None", f"_wire.nullable({kind.reader})")


def _only(schema: Schema, known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(schema) - set(known) - IGNORED)
    if unknown:
        raise Unsupported(f"{where}: {', '.join(unknown)}")


def _shape(schema: Any) -> Any:
    """The schema without what only describes it, so that an inlined copy of a component is the same."""
    if isinstance(schema, dict):
        entries = cast(Schema, schema).items()
        return {key: _shape_of_keyword(key, value) for key, value in entries if key not in IGNORED - {"format"}}
    return [_shape(item) for item in cast(Any, schema)] if isinstance(schema, list) else schema


def _shape_of_keyword(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: _shape(one) for name, one in value.items()}
    return sorted(map(str, value)) if key in ("enum", "required") else _shape(value)


def _unwrapped(reader: str) -> str:
    match = re.fullmatch(r"_wire\.nullable\((.*)\)", reader)
    return match[1] if match else reader


def _json_type(value: object, where: str) -> str:
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    raise Unsupported(f"{where}: const {value!r}")


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _member(value: str) -> str:
    name = re.sub(r"\W+", "_", value).upper()
    return name if name.isidentifier() else f"_{name}"


def _docstring(schema: Schema, otherwise: str, indent: str) -> str:
    return f'{indent}"""{_sentence(schema.get("description") or otherwise)}"""'


def _sentence(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"""', "'''").split())


def _model_text(name: str, schema: Schema, fields: list[Field]) -> str:
    lines = [
        "@dataclass(frozen=True)",
        f"class {name}:",
        _docstring(schema, f"A ``{name}`` as the daemon sends it.", "    "),
        "",
    ]
    for field in fields:
        lines.append(f"    {field.name}: {field.type}{'' if field.required else _default(field)}")
        if field.doc:
            lines.append(f'    """{_sentence(field.doc)}"""')
    lines += [
        "",
        "    @classmethod",
        f'    def from_wire(cls, value: object, where: str = "{name}") -> {name}:',
        "        source = _wire.fields(value, where)",
        "        return cls(",
    ]
    for field in fields:
        how = "required" if field.required else "optional"
        otherwise = " or {}" if _is_filled(field) else ""
        lines.append(f'            {field.name}=_wire.{how}(source, "{field.name}", {field.reader}, where){otherwise},')
    return "\n".join([*lines, "        )"])


def _is_filled(field: Field) -> bool:
    """Whether something takes the place of an absent value."""
    return not field.required and field.type == "dict[str, Any]"


def _default(field: Field) -> str:
    return f" = field(default_factory={field.type})" if _is_filled(field) else " = None"


def _header(body: str) -> str:
    """The top of the file, with the imports that ``body`` needs."""
    lines = ['"""Generated from openapi/openapi.json by tools/gen_models.py; do not edit."""', ""]
    lines += ["from __future__ import annotations", ""]
    lines += ["from dataclasses import dataclass, field" if "= field(" in body else "from dataclasses import dataclass"]
    lines += ["from datetime import datetime"] if "datetime" in body else []
    lines += ["from typing import Any"] if re.search(r"\bAny\b", body) else []
    lines += ["", "from . import _wire"]
    lines += ["from ._wire import OpenEnum"] if "(OpenEnum)" in body else []
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Generate the models of the Python SDK.")
    parser.add_argument("--openapi", type=Path, default=OPENAPI)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--check", action="store_true", help="fail when the file would change; write nothing")
    options = parser.parse_args(arguments)
    try:
        text = Generator(json.loads(options.openapi.read_text(encoding="utf-8"))).source()
    except Unsupported as error:
        print(f"gen_models: {error}", file=sys.stderr)
        return 1
    if options.check:
        if options.out.exists() and options.out.read_text(encoding="utf-8") == text:
            return 0
        print(f"gen_models: {options.out.name} is not up to date; run tools/gen_models.py", file=sys.stderr)
        return 1
    options.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
