"""The generators, and that what they generate is up to date."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import gen_models
import gen_sync

FIXTURE = Path(__file__).parent / "fixtures" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FIXTURE.read_text())
ROOTS = {name: gen_models.ROOTS[name] for name in ("ExecResult", "MachineInfo", "TemplateInfo")}


def generate(document: dict[str, Any], **answers: str) -> str:
    return gen_models.Generator(document, ROOTS, answers).source()


def with_schemas(**schemas: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"].update(schemas)
    return document


def with_field(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return with_schemas(
        ExecResult={"type": "object", "properties": {"x": schema}, "additionalProperties": False}, **more
    )


def test_sync_is_up_to_date() -> None:
    assert gen_sync.main(["--check"]) == 0


def test_models_are_up_to_date() -> None:
    assert gen_models.main(["--check"]) == 0


def test_check_tells_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "models.py"
    arguments = ["--out", str(out)]
    assert gen_models.main([*arguments, "--check"]) == 1
    assert "not up to date" in capsys.readouterr().err
    assert not out.exists()
    assert gen_models.main(arguments) == 0
    assert gen_models.main([*arguments, "--check"]) == 0


def test_models_do_not_depend_on_the_order_of_components() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"] = dict(reversed(document["components"]["schemas"].items()))
    assert generate(document) == generate(DOCUMENT)


def test_inlined_component_is_the_same_model() -> None:
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    schemas["MachineInfo"]["properties"]["config"] = copy.deepcopy(schemas["MachineConfig"])
    assert generate(document) == generate(DOCUMENT)


def test_unused_components_are_left_out() -> None:
    assert "KeyInfo" not in generate(DOCUMENT)


@pytest.mark.parametrize(
    ("schema", "type_", "reader"),
    [
        ({"type": "string", "format": "uuid"}, "str | None", "_wire.string"),
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            "datetime | None",
            "_wire.timestamp",
        ),
        ({"type": ["integer", "null"]}, "int | None", "_wire.integer"),
        ({"type": "number"}, "float | None", "_wire.number"),
        ({"const": "ok"}, "str | None", "_wire.string"),
        ({"type": "boolean", "const": True}, "bool | None", "_wire.boolean"),
        ({}, "Any", "_wire.anything"),
        ({"type": "array", "items": {"type": "string"}}, "list[str] | None", "_wire.array(_wire.string)"),
        (
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "list[str | None] | None",
            "_wire.array(_wire.nullable(_wire.string))",
        ),
        ({"type": "string", "enum": ["a b", "2"]}, "CommandResultX | None", "_wire.enum(CommandResultX)"),
        ({"$ref": "#/components/schemas/MachineConfig"}, "MachineConfig | None", "MachineConfig.from_wire"),
        ({"type": "object", "properties": {}}, "CommandResultX | None", "CommandResultX.from_wire"),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            "dict[str, int] | None",
            "_wire.mapping(_wire.integer)",
        ),
    ],
)
def test_types(schema: dict[str, Any], type_: str, reader: str) -> None:
    text = generate(with_field(schema))
    assert f"    x: {type_} = None\n" in text
    assert f'x=_wire.optional(source, "x", {reader}, where)' in text
    compile(text, "models", "exec")


def test_free_form_data_is_never_none() -> None:
    text = generate(with_field({"type": "object"}))
    assert "    x: dict[str, Any] = field(default_factory=dict[str, Any])\n" in text
    assert 'x=_wire.optional(source, "x", _wire.mapping(_wire.anything), where) or {}' in text
    compile(text, "models", "exec")


def test_answer_of_an_operation() -> None:
    document = with_schemas()
    answer = {"type": "object", "properties": {"nodes": {"type": "array", "items": {"type": "string"}}}}
    content = {"content": {"application/json": {"schema": answer}}}
    document["paths"] = {"/x": {"get": {"operationId": "getX", "responses": {"200": content}}}}
    assert "class Family:" in generate(document, getX="Family")
    with pytest.raises(gen_models.Unsupported, match="getY is missing"):
        generate(document, getY="Family")


def test_names_of_what_has_none() -> None:
    def with_status(values: list[str]) -> dict[str, Any]:
        document = with_schemas()
        node = {"type": "object", "properties": {"status": {"type": "string", "enum": values}}}
        document["components"]["schemas"]["ExecResult"] = {
            "type": "object",
            "properties": {"node": {"$ref": "#/components/schemas/LineageNode"}},
        }
        document["components"]["schemas"]["LineageNode"] = node
        return document

    known = DOCUMENT["components"]["schemas"]["MachineInfo"]["properties"]["status"]["enum"]
    text = generate(with_status(known[::-1]))
    assert "    status: MachineStatus | None = None\n" in text
    assert "LineageNodeStatus" not in text
    with pytest.raises(gen_models.Unsupported, match="two different schemas would be called MachineStatus"):
        generate(with_status(["other"]))


def test_required_nullable_field() -> None:
    schema = {"type": "object", "properties": {"x": {"type": ["string", "null"]}}, "required": ["x"]}
    text = generate(with_schemas(ExecResult=schema))
    assert "    x: str | None\n" in text
    assert '_wire.required(source, "x", _wire.nullable(_wire.string), where)' in text


def test_descriptions_become_doc_strings() -> None:
    text = generate(with_field({"type": "string", "description": 'Says  """so""".'}))
    assert "    \"\"\"Says '''so'''.\"\"\"" in text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "file"},
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"$ref": "other.json#/X"},
        {"type": "string", "contentEncoding": "base64"},
        {"enum": [1, 2]},
        {"const": None},
    ],
)
def test_unknown_schemas_are_an_error(schema: dict[str, Any]) -> None:
    with pytest.raises(gen_models.Unsupported, match="x"):
        generate(with_field(schema))


def test_name_clash_is_an_error() -> None:
    clash = {"type": "object", "properties": {"x": {"type": "object", "properties": {"y": {"type": "string"}}}}}
    document = with_schemas(ExecResult=clash, TemplateInfo=clash)
    generate(document)
    document["components"]["schemas"]["MachineInfo"]["properties"]["config"] = {"type": "object", "properties": {}}
    document["components"]["schemas"]["TemplateInfo"] = {"$ref": "#"}
    with pytest.raises(gen_models.Unsupported):
        generate(document)


def test_missing_root_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "openapi.json"
    empty.write_text("{}")
    assert gen_models.main(["--openapi", str(empty)]) == 1
    assert "ExecResult is missing" in capsys.readouterr().err
