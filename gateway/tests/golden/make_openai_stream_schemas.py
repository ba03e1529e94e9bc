"""Cuts the schemas of what streams send out of OpenAI's published document (MIT licence):

    git clone https://github.com/openai/openai-openapi
    python make_openai_stream_schemas.py openai-openapi/openapi.json > openai_stream_schemas.json

What stays are the chunks of chats and completions and the events of responses, with all they refer to. Words are left
out; `nullable` becomes JSON Schema's own; an object may have only the properties that are named, so that a field of
which OpenAI's document knows nothing is found. Of kinds of tools and items those stay that this server can send.
"""

import json
import sys

ROOTS = {
    "chat.completion.chunk": "CreateChatCompletionStreamResponse",
    "text_completion": "CreateCompletionResponse",
    "response.created": "ResponseCreatedEvent",
    "response.queued": "ResponseQueuedEvent",
    "response.in_progress": "ResponseInProgressEvent",
    "response.output_item.added": "ResponseOutputItemAddedEvent",
    "response.content_part.added": "ResponseContentPartAddedEvent",
    "response.output_text.delta": "ResponseTextDeltaEvent",
    "response.output_text.done": "ResponseTextDoneEvent",
    "response.content_part.done": "ResponseContentPartDoneEvent",
    "response.output_item.done": "ResponseOutputItemDoneEvent",
    "response.completed": "ResponseCompletedEvent",
    "response.incomplete": "ResponseIncompleteEvent",
    "response.failed": "ResponseFailedEvent",
    "response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDeltaEvent",
    "response.function_call_arguments.done": "ResponseFunctionCallArgumentsDoneEvent",
}
# Unions of which a part is enough.
KEPT = {
    "Tool": {"FunctionTool"},
    "OutputItem": {"OutputMessage", "FunctionToolCall", "ReasoningItem"},
    "Annotation": set(),
    "InputItem": set(),
    "ToolChoiceParam": {"ToolChoiceOptions", "ToolChoiceAllowed", "ToolChoiceFunction"},
}
WORDS = {"description", "title", "example", "examples", "default", "deprecated", "discriminator"}

document = json.load(open(sys.argv[1]))
schemas = document["components"]["schemas"]
found = {}


def name(ref):
    return ref.rsplit("/", 1)[1]


def merged(parts):
    """The properties of all parts in one object, so that no other can be told from them."""
    whole = {"type": "object", "properties": {}, "required": []}
    for part in parts:
        while "$ref" in part:
            part = schemas[name(part["$ref"])]
        if "allOf" in part:
            part = merged(part["allOf"])
        whole["properties"].update(part.get("properties", {}))
        whole["required"] += part.get("required", [])
    return whole


def cut(schema, path=""):
    if isinstance(schema, list):
        return [cut(one, path) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        keep(name(schema["$ref"]))
        return {"$ref": "#/$defs/" + name(schema["$ref"])}
    if "allOf" in schema:
        if len(schema["allOf"]) == 1:
            return cut(schema["allOf"][0])
        return cut(merged(schema["allOf"]))
    out = {}
    for key, value in schema.items():
        if key in WORDS or key.startswith("x-") or key == "nullable" or key == "format":
            continue
        if key == "properties":
            out[key] = {field: cut(inner) for field, inner in value.items()}
        elif key in ("enum", "required", "const"):
            out[key] = value
        else:
            out[key] = cut(value)
    if out.get("properties") and "additionalProperties" not in out:
        out["additionalProperties"] = False
    if schema.get("nullable"):
        return {"anyOf": [out, {"type": "null"}]}
    return out


def keep(schema_name):
    if schema_name in found:
        return
    found[schema_name] = None
    schema = schemas[schema_name]
    if schema_name in KEPT:
        union = next(key for key in ("anyOf", "oneOf") if key in schema)
        wanted = [one for one in schema[union] if name(one.get("$ref", "/")) in KEPT[schema_name]]
        found[schema_name] = {"anyOf": cut(wanted)} if wanted else False
    else:
        found[schema_name] = cut(schema)


for root in ROOTS.values():
    keep(root)
kinds = {kind: {"$ref": "#/$defs/" + root} for kind, root in ROOTS.items()}
for schema in found.values():
    # Which models there are is the server's own business.
    if isinstance(schema, dict) and "model" in schema.get("properties", {}):
        schema["properties"]["model"] = {"type": "string"}
used, queue = set(), list(ROOTS.values())
while queue:
    one = queue.pop()
    if one not in used:
        used.add(one)
        text = json.dumps(found[one])
        queue += [part.split('"')[0] for part in text.split("#/$defs/")[1:]]
definitions = {one: found[one] for one in sorted(used)}
print('{"kinds": {')
print(",\n".join(f" {json.dumps(kind)}: {json.dumps(schema)}" for kind, schema in kinds.items()))
print('}, "$defs": {')
print(",\n".join(f" {json.dumps(one)}: {json.dumps(schema)}" for one, schema in definitions.items()))
print("}}")
