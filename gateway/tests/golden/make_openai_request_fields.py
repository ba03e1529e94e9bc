"""Names the fields of requests in OpenAI's published document (MIT licence):

    git clone https://github.com/openai/openai-openapi
    python make_openai_request_fields.py openai-openapi/openapi.json > openai_request_fields.json
"""

import json
import sys

PATHS = ["chat/completions", "completions", "responses", "conversations", "embeddings", "batches"]

document = json.load(open(sys.argv[1]))


def resolved(schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def fields(schema):
    schema = resolved(schema)
    found = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= fields(part)
    return found


requests = {}
for path in PATHS:
    body = document["paths"][f"/{path}"]["post"]["requestBody"]["content"]
    requests[f"/v1/{path}"] = sorted(fields(body["application/json"]["schema"]))
json.dump(requests, sys.stdout, indent=1)
print()
