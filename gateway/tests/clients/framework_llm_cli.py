"""The program `llm` against a running server: python framework_llm_cli.py BASE_URL MODEL"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

base_url, model = sys.argv[1:3]
home = tempfile.TemporaryDirectory()
Path(home.name, "extra-openai-models.yaml").write_text(
    f"- model_id: small\n  model_name: {model}\n  api_base: {base_url}\n  supports_schema: true\n"
    f"  supports_tools: true\n"
    f"- model_id: small-completion\n  model_name: {model}\n  api_base: {base_url}\n  completion: true\n",
    encoding="utf-8",
)
environment = {**os.environ, "LLM_USER_PATH": home.name, "OPENAI_API_KEY": "none"}


def llm(*words, fails=False):
    command = [sys.executable, "-m", "llm", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode != 0) == fails, (words, done.stdout, done.stderr)
    return done.stderr if fails else done.stdout


assert "small" in llm("models")
ask = ["-m", "small", "-o", "temperature", "0", "-o", "max_tokens", "60", "What is the capital of France?"]
whole = llm(*ask, "--no-stream")
assert "Paris" in whole and llm(*ask) == whole, whole
assert "input" in subprocess.run([sys.executable, "-m", "llm", *ask, "--usage"], env=environment, check=True,
                                 capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
assert llm("-c", "-o", "max_tokens", "20", "And of Norway?").strip()

schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20},
                                           "age": {"type": "integer", "minimum": 0, "maximum": 120}},
          "required": ["name", "age"], "additionalProperties": False}
for more in ([], ["--no-stream"]):
    words = ["-m", "small", "-o", "temperature", "0", "--schema", json.dumps(schema), "Describe a person.", *more]
    person = json.loads(llm(*words))
    assert set(person) == {"name", "age"} and 0 <= person["age"] <= 120 and len(person["name"]) <= 20, person

function = "def weather(city: str) -> str:\n    'The weather of a city.'\n    return 'sunny'"
assert llm("-m", "small", "-o", "max_tokens", "40", "--functions", function, "Say hello.").strip()
continued = ["-m", "small-completion", "-o", "temperature", "0", "-o", "max_tokens", "8", "1, 2, 3, 4,"]
assert "5" in llm(*continued) and llm(*continued) == llm(*continued, "--no-stream")
assert "top_p" in llm(*ask, "-o", "top_p", "7", fails=True)
print("llm: all checks passed")
