"""The OpenAPI document and the page's types have the fields of the struct `Acknowledgement`."""

import re

import pytest
from fastapi import FastAPI

from harness.local import ROOT
from lipar_core.acknowledgement import Acknowledgement, PromptTokens
from lipar_core.parameters import Parameters
from server.api.sessions import router


def test_the_openapi_document_describes_the_struct():
    app = FastAPI()
    app.include_router(router)
    change = app.openapi()["paths"]["/api/v1/sessions/{session_id}/parameters"]["patch"]
    schema = change["responses"]["200"]["content"]["application/json"]["schema"]
    assert tuple(schema["properties"]) == Acknowledgement.__struct_fields__
    assert tuple(schema["properties"]["parameters"]["properties"]) == Parameters.__struct_fields__
    assert "$ref" not in str(schema)


@pytest.mark.parametrize("struct", [Acknowledgement, PromptTokens])
def test_the_pages_types_have_the_fields_of_the_structs(struct):
    types = (ROOT / "web_client/src/api/protocol.ts").read_text(encoding="utf-8")
    (body,) = re.findall(rf"interface {struct.__name__} {{(.*?)\n}}", types, re.DOTALL)
    assert tuple(re.findall(r"^  (\w+)\??:", body, re.MULTILINE)) == struct.__struct_fields__
