"""Tools by the official Python client against a running server: python openai_python_tools.py BASE_URL MODEL

The model is small and was taught no tools, so what makes its calls valid is the server.
"""

import json
import sys

from openai import BadRequestError, OpenAI
from pydantic import BaseModel

base_url, model = sys.argv[1], sys.argv[2]
client = OpenAI(base_url=base_url, api_key="none")
QUESTION = [{"role": "user", "content": "What is the weather in Paris tomorrow?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 20},
                "days": {"type": "integer", "minimum": 1, "maximum": 10},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "days", "unit"],
            "additionalProperties": False,
        },
    },
}
MAIL = {
    "type": "function",
    "function": {
        "name": "send_mail",
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "array", "items": {"enum": ["ann", "bob"]}, "minItems": 1, "maxItems": 2},
                "urgent": {"type": "boolean"},
            },
            "required": ["to", "urgent"],
        },
    },
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


def check(name, arguments):
    arguments = json.loads(arguments)
    if name == "get_weather":
        assert list(arguments) == ["city", "days", "unit"], arguments
        assert len(arguments["city"]) <= 20 and 1 <= arguments["days"] <= 10, arguments
        assert arguments["unit"] in ("celsius", "fahrenheit"), arguments
    else:
        assert name == "send_mail" and set(arguments) == {"to", "urgent"}, (name, arguments)
        assert arguments["to"] and set(arguments["to"]) <= {"ann", "bob"}, arguments
        assert isinstance(arguments["urgent"], bool), arguments


def assembled(stream):
    calls, reasons = [], []
    for chunk in stream:
        for choice in chunk.choices:
            reasons.append(choice.finish_reason)
            for delta in choice.delta.tool_calls or []:
                if delta.index == len(calls):
                    assert delta.id and delta.type == "function" and delta.function.arguments == ""
                    calls.append([delta.function.name, ""])
                else:
                    assert delta.id is None and delta.function.name is None
                    calls[delta.index][1] += delta.function.arguments
    return calls, reasons[-1]


def calls_are_valid():
    checked = 0
    for seed in range(6):
        for choice in ("required", NAMED):
            kwargs = dict(
                model=model,
                messages=QUESTION,
                tools=[WEATHER, MAIL],
                tool_choice=choice,
                parallel_tool_calls=False,
                temperature=1,
                seed=seed,
            )
            whole = client.chat.completions.create(**kwargs).choices[0]
            assert whole.finish_reason == "tool_calls" and whole.message.content is None, whole
            calls = [[c.function.name, c.function.arguments] for c in whole.message.tool_calls]
            assert len(calls) == 1, calls
            for name, arguments in calls:
                assert choice == "required" or name == "get_weather"
                check(name, arguments)
                checked += 1
            streamed, reason = assembled(client.chat.completions.create(stream=True, **kwargs))
            assert (streamed, reason) == (calls, "tool_calls"), (streamed, calls)
    assert checked == 12


def a_conversation_with_results():
    first = client.chat.completions.create(
        model=model, messages=QUESTION, tools=[WEATHER], tool_choice=NAMED, temperature=0
    )
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sunny, 21 degrees."}
    answer = client.chat.completions.create(
        model=model,
        messages=[*QUESTION, message, result],
        tools=[WEATHER],
        tool_choice="none",
        temperature=0,
        max_completion_tokens=40,
    )
    assert answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length")
    try:
        client.chat.completions.create(
            model=model, messages=[*QUESTION, message, {**result, "tool_call_id": "nobody"}], tools=[WEATHER]
        )
    except BadRequestError as error:
        assert error.param == "messages[2].tool_call_id", error.param
    else:
        raise AssertionError("a result of no call was accepted")


def the_helpers_parse():
    class Weather(BaseModel):
        city: str
        sunny: bool

    import openai

    tool = openai.pydantic_function_tool(Weather)
    assert tool["function"]["strict"] is True
    tool["function"]["parameters"]["properties"]["city"]["maxLength"] = 20
    kwargs = dict(model=model, messages=QUESTION, tools=[tool], tool_choice="required",
                  parallel_tool_calls=False, temperature=1, seed=3)
    parsed = client.chat.completions.parse(**kwargs)
    arguments = parsed.choices[0].message.tool_calls[0].function.parsed_arguments
    assert isinstance(arguments, Weather), arguments
    with client.chat.completions.stream(**kwargs) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds and "tool_calls.function.arguments.done" in kinds
    streamed = final.choices[0].message.tool_calls[0].function
    assert streamed.parsed_arguments == arguments, (streamed, arguments)


calls_are_valid()
a_conversation_with_results()
the_helpers_parse()
print("openai-python, tools: all checks passed")
