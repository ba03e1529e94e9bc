"""Writes the golden files of the tokenizer room.

    python make_tokenizer.py MODEL.gguf

MODEL.gguf is SmolLM2-135M-Instruct. Needs `transformers`, `tokenizers`, `gguf`, and `sentencepiece`.
The files are checked in; this runs only when a case is added. It writes, beside itself:

- tokenizer.json: texts with their ids, and conversations with their prompts and ids, as
  `PreTrainedTokenizerFast` gives them over a pipeline that is built from the file's vocabulary and
  merges with SmolLM2's published pre-tokenizer.
- templates.json: templates of other models' shapes with their renderings.
- pre_tokenizers.json: ids of some texts under the other pre-tokenizers, with the same vocabulary.
- sentencepiece.json: a small SentencePiece vocabulary with texts and their ids.
"""

import argparse
import datetime
import io
import json
import pathlib

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.utils import chat_template_utils

import conversations
import strings

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 3, 9, 14, 5, 7)


class Clock(datetime.datetime):
    """What templates see as now."""

    @classmethod
    def now(cls, tz=None):
        return NOW


def write(name, header, cases):
    """One case a line, so that the file is easily read and compared."""
    with open(HERE / name, "w", encoding="utf-8", newline="\n") as file:
        file.write("{\n")
        for key, value in header.items():
            file.write(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n")
        last = len(cases) - 1
        for place, (key, values) in enumerate(cases.items()):
            rows = ",\n".join(json.dumps(value, ensure_ascii=False) for value in values)
            file.write(f"{json.dumps(key)}: [\n{rows}\n]{'' if place == last else ','}\n")
        file.write("}\n")


def read(path):
    fields = gguf.GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if key.startswith("tokenizer.")}


def pipeline(metadata, pre_tokenizer, normalizer=None, **options):
    """The file's vocabulary and merges with a given way to cut text."""
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, **options))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    kinds = metadata["tokenizer.ggml.token_type"]
    for token, kind in zip(tokens, kinds):
        if kind == 3:
            tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif kind == 4:
            tokenizer.add_tokens([AddedToken(token, special=False, normalized=False)])
    return tokenizer


def digits_and_gpt2():
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def split(*expressions):
    steps = [pre_tokenizers.Split(Regex(e), behavior="isolated") for e in expressions]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*steps, byte_level])


def make_tokenizer(metadata, model_path):
    tokens = metadata["tokenizer.ggml.tokens"]
    reference = PreTrainedTokenizerFast(
        tokenizer_object=pipeline(metadata, digits_and_gpt2()),
        bos_token=tokens[metadata["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[metadata["tokenizer.ggml.eos_token_id"]],
        unk_token=tokens[metadata["tokenizer.ggml.unknown_token_id"]],
        pad_token=tokens[metadata["tokenizer.ggml.padding_token_id"]],
    )
    reference.chat_template = metadata["tokenizer.chat_template"]

    texts = []
    for category, text in strings.strings():
        ids = reference(text)["input_ids"]
        row = {"category": category, "text": text, "ids": ids}
        decoded = reference.decode(ids, skip_special_tokens=False)
        if decoded != text:
            row["decoded"] = decoded
        texts.append(row)
    assert len(texts) == 500, len(texts)

    chats = []
    for messages, add_generation_prompt in conversations.CONVERSATIONS:
        options = {"add_generation_prompt": add_generation_prompt}
        rendered = reference.apply_chat_template(messages, tokenize=False, **options)
        ids = reference.apply_chat_template(messages, **options)["input_ids"]
        assert ids == reference(rendered, add_special_tokens=False)["input_ids"]
        chats.append({"messages": messages, **options, "rendered": rendered, "ids": ids})
    assert len(chats) == 30, len(chats)
    write("tokenizer.json", {"model": "SmolLM2-135M-Instruct"}, {"strings": texts, "chats": chats})

    auto = AutoTokenizer.from_pretrained(model_path.parent, gguf_file=model_path.name)
    differ = [row["text"] for row in texts if auto(row["text"])["input_ids"] != row["ids"]]
    print(f"AutoTokenizer over the GGUF file differs on {len(differ)} of 500 texts:", differ[:10])
    differ = sum(
        auto.apply_chat_template(c["messages"], add_generation_prompt=c["add_generation_prompt"])
        ["input_ids"] != c["ids"]
        for c in chats
    )
    print(f"... and on {differ} of 30 conversations")


def make_templates():
    chat_template_utils.datetime = Clock
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    cases = []
    for name, template, messages, options in conversations.CASES:
        options = {"add_generation_prompt": False, **options}
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], chat_template=template, **tokens, **options
        )
        cases.append(
            {
                "name": name,
                "template": template,
                "messages": messages,
                "options": options,
                "rendered": rendered[0],
            }
        )
    now = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
    write("templates.json", {"now": now, "tokens": tokens}, {"cases": cases})


def make_pre_tokenizers(metadata):
    splits = GGUF_PRE_TOKENIZER_SPLITS
    cjk = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
    deepseek3 = (
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    )
    deepseek_coder = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\r\n]"), behavior="isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{L}+"), behavior="isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{P}+"), behavior="isolated"),
            pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-\ud7ff]+"), behavior="isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    nfc = normalizers.NFC()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    ways = {
        "gpt-2": pipeline(metadata, byte_level),
        "command-r": pipeline(metadata, digits_and_gpt2(), nfc),
        "llama-bpe": pipeline(metadata, split(splits["llama-bpe"]), ignore_merges=True),
        "smaug-bpe": pipeline(metadata, split(splits["smaug-bpe"])),
        "qwen2": pipeline(metadata, split(splits["qwen2"]), nfc),
        "qwen35": pipeline(metadata, split(splits["qwen35"]), nfc),
        "tekken": pipeline(metadata, split(splits["tekken"]), ignore_merges=True),
        "gpt-4o": pipeline(metadata, split(splits["gpt-4o"])),
        "deepseek-v3": pipeline(metadata, split(r"\p{N}{1,3}", cjk, deepseek3)),
        "deepseek-coder": pipeline(metadata, deepseek_coder),
    }
    texts = [text for _, text in strings.strings() if len(text) < 60][::5]
    cases = {
        name: [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]
        for name, tokenizer in ways.items()
    }
    write("pre_tokenizers.json", {}, cases)


def make_sentencepiece():
    """A vocabulary of 700 pieces, trained here; SentencePiece itself is the reference.

    It is trained on what is mostly ASCII, so that other scripts are spelled in bytes.
    """
    plain = {"english", "contractions", "digits", "code", "long"}
    texts = [text for category, text in strings.strings() if category in plain]
    training = [line for text in texts for line in text.splitlines() if line.strip()]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training * 2),
        model_writer=model,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        user_defined_symbols=["<sep>"],
        split_digits=True,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces, scores, kinds = [], [], []
    for index in range(processor.get_piece_size()):
        pieces.append(processor.id_to_piece(index))
        scores.append(round(processor.get_score(index), 6))
        if processor.is_unknown(index):
            kinds.append(2)
        elif processor.is_control(index):
            kinds.append(3)
        elif processor.is_byte(index):
            kinds.append(6)
        else:
            kinds.append(4 if pieces[index] == "<sep>" else 1)
    cases = []
    for category, text in strings.strings():
        # Words that a BPE would join across a user-defined piece or a control are not SentencePiece's.
        if len(text) < 200 and category != "special" and "\u2581" not in text:
            ids = processor.encode(text)
            cases.append({"text": text, "ids": ids, "decoded": processor.decode(ids)})
    header = {"tokens": pieces, "scores": scores, "token_types": kinds}
    write("sentencepiece.json", header, {"cases": cases})


def main():
    parser = argparse.ArgumentParser(description="writes the golden files of the tokenizer room")
    parser.add_argument("model", type=pathlib.Path, help="SmolLM2-135M-Instruct as GGUF")
    arguments = parser.parse_args()
    metadata = read(arguments.model)
    make_tokenizer(metadata, arguments.model)
    make_templates()
    make_pre_tokenizers(metadata)
    make_sentencepiece()


if __name__ == "__main__":
    main()
