"""LiteLLM against a running server: python framework_litellm.py BASE_URL MODEL ENCODER"""

import faulthandler
import json
import os
import sys

# It talks to many services: where one is waited for, say which, and fail.
faulthandler.dump_traceback_later(300, exit=True)

# Its table of prices is then the one in the package: nothing is fetched.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402
from pydantic import BaseModel, Field  # noqa: E402

base_url, model, encoder = sys.argv[1:4]
MESSAGES = [{"role": "user", "content": "What is the capital of France?"}]
common = dict(api_base=base_url, api_key="none", max_retries=0)


class Weather(BaseModel):
    city: str = Field(max_length=20)
    days: int = Field(ge=1, le=9)


TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": Weather.model_json_schema()}}]


def text(name):
    asked = dict(model=name, temperature=0, max_tokens=60, **common)
    whole = litellm.completion(messages=MESSAGES, **asked)
    said = whole.choices[0].message.content
    assert "Paris" in said and whole.choices[0].finish_reason == "stop", whole
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    chunks = list(litellm.completion(messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **asked))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, chunks[-1]
    cut = litellm.completion(messages=MESSAGES, **{**asked, "max_tokens": 2})
    assert cut.choices[0].finish_reason == "length", cut


def forms_and_tools(name):
    asked = dict(model=name, messages=MESSAGES, temperature=0, **common)
    answer = litellm.completion(response_format=Weather, **asked)
    Weather.model_validate_json(answer.choices[0].message.content)
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        kwargs = dict(tools=TOOLS, tool_choice=choice, parallel_tool_calls=False, **asked)
        whole = litellm.completion(**kwargs).choices[0]
        assert whole.finish_reason == "tool_calls", whole
        (call,) = whole.message.tool_calls
        assert call.function.name == "get_weather" and call.id, call
        Weather.model_validate_json(call.function.arguments)
        chunks = list(litellm.completion(stream=True, **kwargs))
        built = litellm.stream_chunk_builder(chunks, messages=MESSAGES).choices[0]
        assert built.finish_reason == "tool_calls", built
        (streamed,) = built.message.tool_calls
        assert json.loads(streamed.function.arguments) == json.loads(call.function.arguments), (streamed, call)


for provider in ("openai", "hosted_vllm"):
    text(f"{provider}/{model}")
    forms_and_tools(f"{provider}/{model}")

classic = litellm.text_completion(model=f"text-completion-openai/{model}", prompt="1, 2, 3, 4,", temperature=0,
                                  max_tokens=8, **common)
assert "5" in classic.choices[0].text, classic
vectors = litellm.embedding(model=f"openai/{encoder}", input=["A parcel is on its way.", "1, 2, 3"], **common)
assert [len(v["embedding"]) for v in vectors.data] == [384, 384] and vectors.usage.prompt_tokens > 0
for wrong, kind in [({"model": "openai/nope"}, litellm.NotFoundError), ({"top_p": 7}, litellm.BadRequestError)]:
    try:
        litellm.completion(messages=MESSAGES, **{"model": f"openai/{model}", **common, **wrong})
    except kind:
        pass
    else:
        raise AssertionError(f"{wrong} was accepted")
print("LiteLLM: all checks passed")
