"""Makes accuracy.json: what `transformers` computes in f32 from a GGUF file's dequantised weights.

    python make_accuracy.py MODEL.gguf

needs torch, transformers and gguf (any recent release; the versions used are written into the file).
Continuous integration does not run it: `tests/accuracy.rs` holds the engine to the figures committed
here, and only a change of the model, of prompts.json or of prose.txt calls for making them anew.

What is measured
  prompts  For each entry of prompts.json, 64 tokens chosen greedily; end tokens do not end the answer,
           so that every prompt has 64 positions. Then one pass over prompt + answer gives, for each of
           the 64 positions, the log-probability of the chosen token and its margin over the runner-up.
           An engine is tested teacher-forced: position i follows the reference's own tokens 0..i-1.
  prose    prose.txt as one list of token ids (no special token added), cut into consecutive windows of
           1,024; the last one is shorter. Each window is computed alone, from position 0, and its first
           token, which nothing precedes, is not scored. Perplexity is exp(total NLL / scored tokens).
"""

import hashlib
import json
import math
import pathlib
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

HERE = pathlib.Path(__file__).parent
ANSWER_TOKENS = 64
WINDOW = 1024

LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def main(path):
    torch.set_grad_enabled(False)
    reader = gguf.GGUFReader(path)
    meta = {name: field.contents() for name, field in reader.fields.items()}
    tokenizer = load_tokenizer(meta)
    model = load_model(reader, meta)

    prompts = json.loads((HERE / "prompts.json").read_text("utf-8"))
    names = [prompt["name"] for prompt in prompts]
    ids = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    answers = []
    for name, prompt, tokens in zip(names, ids, answer_greedily(model, ids)):
        print(f"{name}: {tokenizer.decode(tokens)!r}", flush=True)
        answers.append({"name": name, "ids": prompt, **score_answer(model, prompt, tokens)})
    capital = tokenizer.decode(answers[0]["tokens"])
    assert "Paris" in capital, f"the reference model is broken: it answers {capital!r}"

    prose = score_prose(model, tokenizer.encode((HERE / "prose.txt").read_text("utf-8")))
    print(f"prose: {prose['tokens']} tokens, perplexity {prose['perplexity']}")
    write(path, answers, prose)


def load_tokenizer(meta):
    """SmolLM2's own pipeline (single digits, then byte-level BPE) over the file's vocabulary."""
    vocabulary = meta["tokenizer.ggml.tokens"]
    pipeline = tokenizers.Tokenizer(
        models.BPE(
            vocab={token: i for i, token in enumerate(vocabulary)},
            merges=[tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]],
        )
    )
    pipeline.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    pipeline.decoder = decoders.ByteLevel()
    control = int(gguf.TokenType.CONTROL)
    pipeline.add_special_tokens(
        [
            AddedToken(token, normalized=False, special=True)
            for token, kind in zip(vocabulary, meta["tokenizer.ggml.token_type"])
            if kind == control
        ]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=pipeline,
        bos_token=vocabulary[meta["tokenizer.ggml.bos_token_id"]],
        eos_token=vocabulary[meta["tokenizer.ggml.eos_token_id"]],
        chat_template=meta["tokenizer.chat_template"],
        clean_up_tokenization_spaces=False,
    )


def load_model(reader, meta):
    """The file's weights, dequantised to f32, in `transformers`' own Llama."""
    assert meta["general.architecture"] == "llama", meta["general.architecture"]
    heads, kv_heads = meta["llama.attention.head_count"], meta["llama.attention.head_count_kv"]
    weights = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        weight = torch.from_numpy(array.reshape(tuple(int(n) for n in reversed(tensor.shape))).copy())
        if tensor.name.endswith("attn_q.weight"):
            weight = split_halves(weight, heads)
        elif tensor.name.endswith("attn_k.weight"):
            weight = split_halves(weight, kv_heads)
        weights[hugging_face_name(tensor.name)] = weight
    tied = "lm_head.weight" not in weights
    config = transformers.LlamaConfig(
        vocab_size=weights["model.embed_tokens.weight"].shape[0],
        hidden_size=meta["llama.embedding_length"],
        intermediate_size=meta["llama.feed_forward_length"],
        num_hidden_layers=meta["llama.block_count"],
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=meta["llama.rope.dimension_count"],
        max_position_embeddings=meta["llama.context_length"],
        rms_norm_eps=meta["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": meta["llama.rope.freq_base"]},
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    model = transformers.LlamaForCausalLM(config).to(torch.float32).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) <= ({"lm_head.weight"} if tied else set()), (missing, unexpected)
    model.tie_weights()
    return model


def split_halves(weight, heads):
    """Rows of a head from the file's order (pairs side by side) to rotate-half order (pairs half apart)."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns).contiguous()


def hugging_face_name(name):
    whole = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    if name in whole:
        return whole[name]
    _, layer, part, suffix = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.{suffix}"


def prompt_ids(tokenizer, prompt):
    if "text" in prompt:
        return tokenizer.encode(prompt["text"])
    chat = [{"role": "user", "content": prompt["user"]}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return tokenizer.encode(text)


def log_probs(model, ids):
    """For each position of `ids`, the log-probabilities of the token that follows."""
    return torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0].float(), dim=-1)


def answer_greedily(model, prompts):
    """The next tokens of all prompts, computed as one batch padded on the left."""
    longest = max(map(len, prompts))
    padded = torch.tensor([[0] * (longest - len(ids)) + ids for ids in prompts])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts])
    model.generation_config.eos_token_id = None
    out = model.generate(
        padded, attention_mask=mask, do_sample=False, max_new_tokens=ANSWER_TOKENS, pad_token_id=0
    )
    return out[:, longest:].tolist()


def score_answer(model, ids, tokens):
    """One pass over the prompt with its answer; it must choose as the batch, step by step, chose."""
    top = log_probs(model, ids + tokens)[len(ids) - 1 : -1].topk(2)
    assert top.indices[:, 0].tolist() == tokens, "one pass and step by step disagree"
    return {
        "tokens": tokens,
        "logprobs": [round(x, 5) for x in top.values[:, 0].tolist()],
        "margins": [round(x, 5) for x in (top.values[:, 0] - top.values[:, 1]).tolist()],
    }


def score_prose(model, ids):
    windows = []
    for start in range(0, len(ids), WINDOW):
        window = ids[start : start + WINDOW]
        if len(window) < 2:
            break
        scores = log_probs(model, window)[:-1].double()
        nll = -scores.gather(1, torch.tensor(window[1:])[:, None]).sum().item()
        windows.append({"scored": len(window) - 1, "nll": round(nll, 3)})
    scored, nll = sum(w["scored"] for w in windows), sum(w["nll"] for w in windows)
    return {
        "tokens": len(ids),
        "ids_sha256": hashlib.sha256(np.array(ids, dtype="<u4").tobytes()).hexdigest(),
        "window": WINDOW,
        "scored": scored,
        "nll": round(nll, 3),
        "perplexity": round(math.exp(nll / scored), 5),
        "windows": windows,
    }


def write(path, prompts, prose):
    """One prompt and one window a line, so that a change reads well."""

    def lines(items):
        return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"

    made = {
        "model": pathlib.Path(path).name,
        "model_sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
        "made_with": f"torch {torch.__version__}, transformers {transformers.__version__}, f32, eager attention",
    }
    windows = prose.pop("windows")
    body = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in made.items())
    body += f',\n"prose": {json.dumps(prose)},\n"windows": {lines(windows)},\n"prompts": {lines(prompts)}'
    (HERE / "accuracy.json").write_text("{\n" + body + "\n}\n", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
