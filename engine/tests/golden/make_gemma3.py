"""Makes gemma3.json: what references compute from the GGUF file of Gemma 3 270M.

    python make_gemma3.py MODEL.gguf

needs torch, transformers, gguf, sentencepiece and protobuf (any recent release; the versions used are
written into the file). Continuous integration does not run it, as with `make_accuracy.py`, which says
what is measured; here fewer prompts and windows are, because the vocabulary is six times as large.

  prompts  Four entries of prompts.json as plain text (the model is no chat model) after the
           beginning-of-sequence token, each with 32 tokens chosen greedily.
  prose    The first windows of 1,024 tokens of prose.txt, the first token of each the
           beginning-of-sequence token: without it the model computes nothing sensible. Layers with
           the sliding window of 512 positions are crossed by half of each window.
  texts    Those of strings.py that hold no special token, with the ids that SentencePiece gives for
           the file's pieces, scores and types.
"""

import hashlib
import json
import math
import pathlib
import sys

import gguf
import numpy as np
import sentencepiece
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2

import make_accuracy
import strings

HERE = pathlib.Path(__file__).parent
PROMPTS = 4
WINDOW = 1024
WINDOWS = 2
make_accuracy.ANSWER_TOKENS = 32

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def main(path):
    torch.set_grad_enabled(False)
    reader = gguf.GGUFReader(path)
    meta = {name: field.contents() for name, field in reader.fields.items()}
    tokenizer = load_tokenizer(meta)
    model = load_model(reader, meta)
    bos = meta["tokenizer.ggml.bos_token_id"]

    prompts = json.loads((HERE / "prompts.json").read_text("utf-8"))[::5][:PROMPTS]
    ids = [[bos] + tokenizer.encode(prompt.get("user") or prompt["text"]) for prompt in prompts]
    answers = []
    for prompt, start, tokens in zip(prompts, ids, make_accuracy.answer_greedily(model, ids)):
        print(f"{prompt['name']}: {tokenizer.decode(tokens)!r}", flush=True)
        answers.append(
            {"name": prompt["name"], "ids": start, **make_accuracy.score_answer(model, start, tokens)}
        )
    prose = tokenizer.encode((HERE / "prose.txt").read_text("utf-8"))
    windows = [score(model, [bos] + window) for window in cut(prose)]
    print(f"perplexities {[math.exp(w['nll'] / w['scored']) for w in windows]}")
    texts = [
        {"text": text, "ids": tokenizer.encode(text)}
        for category, text in strings.strings()
        # The sign that SentencePiece writes for a space is one to it wherever it stands.
        if category != "special" and not any(piece in text for piece in ["\u2581", *controls(meta)])
    ]
    print(f"{len(texts)} texts")
    write(path, answers, prose, windows, texts)


def load_tokenizer(meta):
    """SentencePiece's own code over the file's vocabulary."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.trainer_spec.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    proto.trainer_spec.byte_fallback = True
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = meta["tokenizer.ggml.add_space_prefix"]
    proto.normalizer_spec.remove_extra_whitespaces = False
    keys = ("tokens", "scores", "token_type")
    for index, (token, score, kind) in enumerate(zip(*(meta[f"tokenizer.ggml.{key}"] for key in keys))):
        piece = proto.pieces.add()
        # The file writes spaces of user-defined pieces as spaces.
        piece.piece = token.replace(" ", "\u2581")
        piece.score = score
        piece.type = kind
        if index == meta["tokenizer.ggml.unknown_token_id"]:
            piece.type = sentencepiece_model_pb2.ModelProto.SentencePiece.UNKNOWN
    return sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())


def controls(meta):
    kinds = meta["tokenizer.ggml.token_type"]
    return [token for token, kind in zip(meta["tokenizer.ggml.tokens"], kinds) if kind == 3][:16]


def load_model(reader, meta):
    """The file's weights, dequantised to f32, in `transformers`' own Gemma 3."""
    assert meta["general.architecture"] == "gemma3", meta["general.architecture"]
    weights = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        weight = torch.from_numpy(array.reshape(tuple(int(n) for n in reversed(tensor.shape))).copy())
        if tensor.name.endswith("norm.weight"):
            # The file holds what a norm multiplies with; `transformers` adds 1 to what it holds.
            weight = weight - 1
        weights[hugging_face_name(tensor.name)] = weight
    config = transformers.Gemma3TextConfig(
        vocab_size=weights["model.embed_tokens.weight"].shape[0],
        hidden_size=meta["gemma3.embedding_length"],
        intermediate_size=meta["gemma3.feed_forward_length"],
        num_hidden_layers=meta["gemma3.block_count"],
        num_attention_heads=meta["gemma3.attention.head_count"],
        num_key_value_heads=meta["gemma3.attention.head_count_kv"],
        head_dim=meta["gemma3.attention.key_length"],
        query_pre_attn_scalar=meta["gemma3.attention.key_length"],
        max_position_embeddings=meta["gemma3.context_length"],
        rms_norm_eps=meta["gemma3.attention.layer_norm_rms_epsilon"],
        sliding_window=meta["gemma3.attention.sliding_window"],
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": meta["gemma3.rope.freq_base"]},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        },
        attn_implementation="eager",
    )
    model = transformers.Gemma3ForCausalLM(config).to(torch.float32).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


def hugging_face_name(name):
    whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in whole:
        return whole[name]
    _, layer, part, suffix = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.{suffix}"


def cut(ids):
    """Windows that have room for the beginning-of-sequence token."""
    size = WINDOW - 1
    return [ids[start : start + size] for start in range(0, WINDOWS * size, size)]


def score(model, ids):
    scores = make_accuracy.log_probs(model, ids)[:-1]
    nll = -scores.gather(1, torch.tensor(ids[1:])[:, None]).double().sum().item()
    return {"scored": len(ids) - 1, "nll": round(nll, 3)}


def write(path, prompts, prose, windows, texts):
    """One prompt, window or text a line, so that a change reads well."""

    def lines(items):
        return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]"

    size = WINDOWS * (WINDOW - 1)
    scored = sum(window["scored"] for window in windows)
    nll = sum(window["nll"] for window in windows)
    made = {
        "model": pathlib.Path(path).name,
        "model_sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
        "made_with": f"torch {torch.__version__}, transformers {transformers.__version__}, f32, eager "
        f"attention; sentencepiece {sentencepiece.__version__}",
        "prose": {
            "tokens": len(prose[:size]),
            "ids_sha256": hashlib.sha256(np.array(prose[:size], dtype="<u4").tobytes()).hexdigest(),
            "window": WINDOW - 1,
            "scored": scored,
            "nll": round(nll, 3),
            "perplexity": round(math.exp(nll / scored), 5),
        },
    }
    body = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in made.items())
    lists = {"windows": windows, "prompts": prompts, "texts": texts}
    body += "".join(f',\n"{key}": {lines(value)}' for key, value in lists.items())
    (HERE / "gemma3.json").write_text("{\n" + body + "\n}\n", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
