"""instructor against a running server: python framework_instructor.py BASE_URL MODEL"""

import sys
from typing import Literal

import instructor
from openai import OpenAI
from pydantic import BaseModel, ConfigDict, Field

base_url, model = sys.argv[1:3]


# What a schema does not forbid a small model adds, without end.
class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")

    city: Literal["Paris", "Oslo", "Rome"]
    number: int = Field(ge=1, le=99)


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=120)
    address: Address
    nickname: str | None = Field(max_length=12)


asked = dict(model=model, messages=[{"role": "user", "content": "Describe a person."}], temperature=0,
             response_model=Person, max_retries=0)
for mode in (instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS):
    client = instructor.from_openai(OpenAI(base_url=base_url, api_key="none", max_retries=0), mode=mode)
    person, raw = client.chat.completions.create_with_completion(**asked)
    assert isinstance(person, Person), person
    assert raw.choices[0].finish_reason in ("stop", "tool_calls"), raw
    assert raw.usage.total_tokens == raw.usage.prompt_tokens + raw.usage.completion_tokens > 0
    partial = list(client.chat.completions.create_partial(**asked))
    assert len(partial) > 3, f"{mode}: {len(partial)} partial objects"
    # Partial objects are asked for under another name, which the prompt of a tool tells, so values may differ there.
    streamed = Person.model_validate(partial[-1].model_dump())
    assert mode == instructor.Mode.TOOLS or streamed.model_dump() == person.model_dump(), (streamed, person)
print("instructor: all checks passed")
