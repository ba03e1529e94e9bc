"""LangChain against a running server: python framework_langchain.py BASE_URL MODEL ENCODER"""

import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError, NotFoundError
from pydantic import BaseModel, Field

base_url, model, encoder = sys.argv[1:4]
QUESTION = "What is the capital of France?"


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(max_length=20)
    days: int = Field(ge=1, le=9)


def chat(**more):
    return ChatOpenAI(base_url=base_url, api_key="none", model=model, temperature=0, max_retries=0,
                      stream_usage=True, **more)


def text(llm):
    whole = llm.invoke(QUESTION)
    assert "Paris" in whole.text, whole
    usage = whole.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0, usage
    chunks = list(llm.stream(QUESTION))
    joined = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    assert len(chunks) > 2 and joined.text == whole.text, (joined, whole)
    assert joined.usage_metadata["output_tokens"] == usage["output_tokens"], joined.usage_metadata
    both = llm.batch([QUESTION, "Say hello."])
    assert both[0].text == whole.text and both[1].text


def reasons():
    assert chat().invoke(QUESTION).response_metadata["finish_reason"] == "stop"
    assert chat(max_tokens=2).invoke(QUESTION).response_metadata["finish_reason"] == "length"


def structured(llm):
    for method in ("json_schema", "function_calling"):
        answer = llm.with_structured_output(Weather, method=method).invoke("The weather in Paris, please.")
        assert isinstance(answer, Weather), answer
    raw = llm.with_structured_output(Weather, include_raw=True).invoke("The weather in Paris, please.")
    assert raw["parsing_error"] is None and isinstance(raw["parsed"], Weather), raw


def tools(llm):
    for choice in ("required", "Weather"):
        bound = llm.bind_tools([Weather], tool_choice=choice, parallel_tool_calls=False)
        whole = bound.invoke(QUESTION)
        assert len(whole.tool_calls) == 1 and not whole.invalid_tool_calls, whole
        call = whole.tool_calls[0]
        assert call["name"] == "Weather" and call["id"], call
        Weather.model_validate(call["args"])
        chunks = list(bound.stream(QUESTION))
        joined = chunks[0]
        for chunk in chunks[1:]:
            joined += chunk
        assert [c["args"] for c in joined.tool_calls] == [call["args"]], (joined, whole)
    result = ToolMessage("Sunny, 21 degrees.", tool_call_id=call["id"])
    answer = llm.bind_tools([Weather], tool_choice="none").invoke([HumanMessage(QUESTION), whole, result])
    assert answer.text and not answer.tool_calls, answer


def errors():
    for wrong, kind, about in [({"model": "nope"}, NotFoundError, "nope"), ({"top_p": 7}, BadRequestError, "top_p")]:
        options = {"model": model, **wrong}
        try:
            ChatOpenAI(base_url=base_url, api_key="none", max_retries=0, **options).invoke(QUESTION)
        except kind as error:
            assert about in str(error), error
        else:
            raise AssertionError(f"{wrong} was accepted")


# The server's responses take no tools yet, and structured output here is by tools as well.
for llm in (chat(max_tokens=60), chat(max_tokens=60, use_responses_api=True)):
    text(llm)
structured(chat())
tools(chat())
reasons()
errors()
# Token ids go over the wire where LangChain counts tokens itself, which takes OpenAI's vocabulary; texts do here.
embeddings = OpenAIEmbeddings(base_url=base_url, api_key="none", model=encoder, check_embedding_ctx_length=False)
vectors = embeddings.embed_documents(["A parcel is on its way.", "1, 2, 3"])
assert [len(v) for v in vectors] == [384, 384]
query = embeddings.embed_query("1, 2, 3")
assert max(abs(a - b) for a, b in zip(query, vectors[1], strict=True)) < 1e-5
print("LangChain: all checks passed")
