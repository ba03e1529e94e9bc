"""Makes encoder.json: vectors of all-MiniLM-L6-v2 by `transformers`, pooled as its model card says.

    python make_encoder.py FOLDER > encoder.json

FOLDER is what `penstock pull all-minilm-l6-v2` prints. torch and transformers are needed.
"""

import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "The cat sits outside",
    "A feline rests outdoors",
    "Interest rates were raised by the central bank.",
    "",
    "word",
    "Ünïcode, 日本語 and emoji 🦀 in ONE line;\n\ttabs, too.",
    "A paragraph of some length. " * 12,
    "Far beyond the limit of the model, the rest of this text is not seen. " * 40,
    "supercalifragilisticexpialidocious" * 5,
]

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
limit = json.load(open(f"{folder}/sentence_bert_config.json"))["max_seq_length"]

cases = []
for text in TEXTS:
    inputs = tokenizer([text], truncation=True, max_length=limit, return_tensors="pt")
    with torch.no_grad():
        rows = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"].unsqueeze(-1).float()
    vector = (rows * mask).sum(1) / mask.sum(1)
    vector = torch.nn.functional.normalize(vector, dim=1)[0]
    tokens = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    cases.append({"text": text, "tokens": tokens, "vector": [round(x, 6) for x in vector.tolist()]})

print('{"cases": [')
print(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases))
print("]}")
