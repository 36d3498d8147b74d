"""Every change that a web server of Dagster offers, asked of it.

Belongs here: finding the mutations of its GraphQL and calling each with the least it accepts.
Does not belong here: what must come of it.
"""

from collections.abc import Iterator
from typing import Any

from forecast_assets_tests.dagit import Dagit

_TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }"
_OFFERED = f"""query {{ __schema {{
    mutationType {{ fields {{ name type {{ {_TYPE} }} args {{ name type {{ {_TYPE} }} }} }} }}
    types {{ name kind enumValues {{ name }} inputFields {{ name type {{ {_TYPE} }} }} }} }} }}"""
_SCALARS: dict[str, Any] = {"Int": 1, "Float": 1.0, "Boolean": False, "BigInt": 1}


def attempts(dagit: Dagit) -> Iterator[tuple[str, dict]]:
    """Call each mutation; return its name and what the server said."""
    schema = dagit.ask(_OFFERED)["__schema"]
    types = {one["name"]: one for one in schema["types"]}
    for field in schema["mutationType"]["fields"]:
        needed = [arg for arg in field["args"] if arg["type"]["kind"] == "NON_NULL"]
        head = ", ".join(f"${arg['name']}: {_written(arg['type'])}" for arg in needed)
        arguments = ", ".join(f"{arg['name']}: ${arg['name']}" for arg in needed)
        selection = "" if _plain(field["type"])["kind"] in {"SCALAR", "ENUM"} else "{ __typename }"
        query = f"mutation Try{f'({head})' if head else ''} {{ result: {field['name']}"
        query += f"{f'({arguments})' if arguments else ''} {selection} }}"
        values = {arg["name"]: _least(arg["type"], types) for arg in needed}
        yield field["name"], dagit.answer(query, **values)


def _written(kind: dict) -> str:
    if kind["kind"] == "NON_NULL":
        return f"{_written(kind['ofType'])}!"
    return f"[{_written(kind['ofType'])}]" if kind["kind"] == "LIST" else str(kind["name"])


def _plain(kind: dict) -> dict:
    return _plain(kind["ofType"]) if kind["kind"] in {"NON_NULL", "LIST"} else kind


def _least(kind: dict, types: dict[str, dict]) -> object:
    """The smallest value of a type."""
    if kind["kind"] == "NON_NULL":
        return _least(kind["ofType"], types)
    if kind["kind"] == "LIST":
        return [_least(kind["ofType"], types)]
    definition = types[kind["name"]]
    if kind["kind"] == "ENUM":
        return definition["enumValues"][0]["name"]
    if kind["kind"] == "INPUT_OBJECT":
        fields = [one for one in definition["inputFields"] if one["type"]["kind"] == "NON_NULL"]
        return {one["name"]: _least(one["type"], types) for one in fields}
    return _SCALARS.get(kind["name"], "x")
