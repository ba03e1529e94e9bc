"""Makes embeddings.json: 200 sentences and their vectors by sentence-transformers.

    python make_embeddings.py FOLDER > embeddings.json

FOLDER is what `penstock pull all-minilm-l6-v2` prints. A vector is written as base64 of one signed byte a number, scaled
so that the largest fills the byte: only its direction is kept, which is what a cosine compares. What rounding costs, in
cosine, stands in the file.
"""

import base64
import json
import pathlib
import re
import sys

import numpy as np
from sentence_transformers import SentenceTransformer

PROSE = pathlib.Path(__file__).resolve().parents[4] / "engine/tests/golden/prose.txt"
OTHERS = [
    "word",
    "Ünïcode, 日本語 and emoji 🦀 in ONE line;\n\ttabs, too.",
    "Die Mühle mahlt Korn, und der Müller schläft.",
    "SELECT name FROM users WHERE age >= 21 ORDER BY name;",
    "supercalifragilisticexpialidocious" * 3,
    "3.14159 is near pi; 2 + 2 = 4.",
    "A paragraph of some length. " * 12,
    "¿Dónde está la biblioteca?",
]

text = PROSE.read_text()
prose = [s.strip() for s in re.split(r"(?<=[.!?])\s+", text.replace("\n", " "))]
sentences = list(dict.fromkeys(s for s in prose if len(s) > 12))[: 200 - len(OTHERS)] + OTHERS
assert len(sentences) == 200

model = SentenceTransformer(sys.argv[1], device="cpu")
vectors = model.encode(sentences, batch_size=8, convert_to_numpy=True).astype(np.float64)
codes = np.rint(vectors / np.abs(vectors).max(1, keepdims=True) * 127).astype(np.int8)
cosines = (vectors * codes).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(codes, axis=1)
rows = [[s, base64.b64encode(c.tobytes()).decode()] for s, c in zip(sentences, codes)]

print('{"rounding": %.6f, "sentences": [' % (1 - cosines.min()))
print(",\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
print("]}")
