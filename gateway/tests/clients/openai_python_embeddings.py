"""The official Python client and an encoder: python openai_python_embeddings.py BASE_URL ENCODER"""

import base64
import math
import struct
import sys

from openai import BadRequestError, OpenAI

base_url, model = sys.argv[1], sys.argv[2]
client = OpenAI(base_url=base_url, api_key="none")
TEXTS = ["A parcel is on its way.", "Der Müller schläft.", "1, 2, 3"]


def near(a, b):
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) < 1e-5


# Without a format the client asks for base64 and decodes it by itself.
usual = client.embeddings.create(model=model, input=TEXTS)
floats = client.embeddings.create(model=model, input=TEXTS, encoding_format="float")
coded = client.embeddings.create(model=model, input=TEXTS, encoding_format="base64")
assert usual.model == model and [d.index for d in usual.data] == [0, 1, 2]
assert usual.usage.prompt_tokens == usual.usage.total_tokens > len(TEXTS)
for a, b, c in zip(usual.data, floats.data, coded.data, strict=True):
    decoded = struct.unpack(f"<{len(b.embedding)}f", base64.b64decode(c.embedding))
    assert near(a.embedding, b.embedding) and near(decoded, b.embedding)
    assert math.isclose(sum(x * x for x in b.embedding), 1, abs_tol=1e-4)

one = client.embeddings.create(model=model, input=TEXTS[0])
assert near(one.data[0].embedding, usual.data[0].embedding)

for wrong, param in [({"input": ["a", ""]}, "input[1]"), ({"input": "a", "dimensions": 7}, "dimensions")]:
    try:
        client.embeddings.create(model=model, **wrong)
    except BadRequestError as error:
        assert error.param == param, error
    else:
        raise AssertionError(f"{wrong} was accepted")

print("openai-python: vectors are as they should be")
