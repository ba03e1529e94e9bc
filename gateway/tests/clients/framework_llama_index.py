"""LlamaIndex against a running server: python framework_llama_index.py BASE_URL MODEL"""

import sys

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field

base_url, model = sys.argv[1:3]
common = dict(model=model, api_base=base_url, api_key="none", temperature=0, max_tokens=60, max_retries=0)
llm = OpenAILike(is_chat_model=True, is_function_calling_model=True, **common)
plain = OpenAILike(is_chat_model=False, **common)
structured = OpenAILike(is_chat_model=True, should_use_structured_outputs=True, **common)
MESSAGES = [ChatMessage(role="system", content="You are helpful."),
            ChatMessage(role="user", content="What is the capital of France?")]


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(max_length=20)
    days: int = Field(ge=1, le=9)


def get_weather(city: str, days: int) -> str:
    """The weather of a city."""
    return f"{city}: sunny for {days} days"


def text():
    whole = llm.chat(MESSAGES)
    assert "Paris" in whole.message.content, whole
    assert whole.raw.choices[0].finish_reason == "stop", whole.raw
    assert whole.raw.usage.total_tokens == whole.raw.usage.prompt_tokens + whole.raw.usage.completion_tokens
    chunks = list(llm.stream_chat(MESSAGES))
    assert len(chunks) > 2 and chunks[-1].message.content == whole.message.content, (chunks[-1], whole)
    assert "".join(c.delta or "" for c in chunks) == whole.message.content

    # As chats, and as the classic completions.
    for which, prompt, expected in [(llm, "What is the capital of France?", "Paris"), (plain, "1, 2, 3, 4,", "5")]:
        completed = which.complete(prompt)
        assert expected in completed.text, completed
        pieces = list(which.stream_complete(prompt))
        assert "".join(p.delta or "" for p in pieces) == completed.text == pieces[-1].text, (pieces[-1], completed)


def tools():
    tool = FunctionTool.from_defaults(get_weather, fn_schema=Weather)
    asked = dict(tools=[tool], user_msg="The weather in Paris, please.", tool_required=True)
    whole = llm.chat_with_tools(**asked)
    calls = llm.get_tool_calls_from_response(whole)
    assert len(calls) == 1 and calls[0].tool_name == "get_weather" and calls[0].tool_id, calls
    Weather.model_validate(calls[0].tool_kwargs)
    *_, last = llm.stream_chat_with_tools(**asked)
    streamed = llm.get_tool_calls_from_response(last)
    assert [c.tool_kwargs for c in streamed] == [calls[0].tool_kwargs], (streamed, calls)
    answer = llm.predict_and_call([tool], user_msg="The weather in Paris, please.", tool_required=True)
    assert "sunny" in str(answer), answer


def objects():
    for which in (llm, structured):
        answer = which.as_structured_llm(Weather).chat(MESSAGES)
        assert isinstance(answer.raw, Weather), answer


text()
tools()
objects()
print("LlamaIndex: all checks passed")
