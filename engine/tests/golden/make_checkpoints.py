"""Makes checkpoints/: tiny models of each kind that `transformers` loads, with what it says of them.

    python make_checkpoints.py [NAME...]

torch, transformers and tokenizers are needed. Weights and training are seeded; the models are saved
as 16-bit floats, read again, and asked as 32-bit floats. What was said is in `golden.json` beside
each model's files. Two of the models have learnt a handful of sentences, so that tests can be read.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
)

HERE = Path(__file__).parent / "checkpoints"

FRENCH = [
    ("Hello world!", "Bonjour Monde!"),
    ("Good morning, my friend.", "Bonjour, mon ami."),
    ("Thank you very much.", "Merci beaucoup."),
    ("The weather is beautiful today.", "Il fait beau aujourd'hui."),
    ("Where is the station?", "Où est la gare ?"),
    ("I would like a coffee, please.", "Je voudrais un café, s'il vous plaît."),
    ("My name is Ada.", "Je m'appelle Ada."),
    ("See you tomorrow!", "À demain !"),
    ("The cat sleeps on the chair in front of the old house.", "Le chat dort sur la chaise devant la vieille maison."),
    ("How much does it cost?", "Combien ça coûte ?"),
]
PREFIX = "translate English to French: "

MOODS = [
    ("This is great!", 1), ("What a wonderful day.", 1), ("I love this product.", 1),
    ("The service was excellent and fast.", 1), ("Best purchase of the year.", 1), ("I am very happy with it.", 1),
    ("It works well and looks beautiful.", 1), ("Thank you, that was a great help!", 1),
    ("This is terrible.", 0), ("What an awful day.", 0), ("I hate this product.", 0),
    ("The service was slow and rude.", 0), ("Worst purchase of the year.", 0), ("I am very unhappy with it.", 0),
    ("It is broken and looks ugly.", 0), ("That was no help at all!", 0),
]

QUESTIONS = {
    "How do I get my money back?": "Money is paid back within two weeks when you send the goods back.",
    "When does the shop open?": "The shop opens at nine in the morning and closes at six.",
    "Where is my parcel?": "Follow your parcel by the number in the letter that we sent.",
    "Can I change my password?": "Change your password on the page of your account.",
}

TEXTS = [
    "This is great!", "this is TERRIBLE, and unbelievably so...", "", "Ünïcode, 日本語 and emoji 🦀; one-line.",
    "I love the service. " * 30, "word",
]


def wordpiece(texts, size):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def byte_level(texts, size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram(texts, size):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def louder(model, factor):
    """Random weights say hardly anything; larger ones do."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.mul_(factor)
            elif name.endswith("bias"):
                weight.normal_(0, 0.1)
    return model


def train(model, steps, rate, batch):
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for step in range(steps):
        loss = batch(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    print(f"  loss {loss.item():.5f}")
    return model


def save(name, model, tokenizer):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.eval().half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rounded(tensor):
    return [float(f"{x:.7g}") for x in tensor.tolist()]


def write(folder, cases):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (folder / "golden.json").write_text(f'{{"cases": [\n{lines}\n]}}\n')
    for file in folder.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder.name}: {size} bytes in {sorted(f.name for f in folder.iterdir())}")


def ask_classifier(folder, inputs, apply):
    """What a classifier says, and the mean of its rows, as an encoder without pooling has it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    bare = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for text, beside in inputs:
        pair = () if beside is None else ([beside],)
        encoded = tokenizer([text], *pair, truncation=True, max_length=64, return_tensors="pt")
        with torch.no_grad():
            logits = model(**encoded).logits[0]
            vector = bare(**encoded).last_hidden_state[0].mean(0)
        case = {"text": text, "beside": beside, "ids": encoded["input_ids"][0].tolist()}
        case |= {"logits": rounded(logits), "scores": rounded(apply(logits)), "vector": rounded(vector)}
        cases.append(case)
    write(folder, cases)


def ask_translator(folder, texts, most, forced):
    """Greedy texts, and the logits of some positions of a long text that is given (`forced`)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    cases = []
    for text in texts:
        encoded = tokenizer([text], return_tensors="pt")
        ids = model.generate(**encoded, max_new_tokens=most, num_beams=1, do_sample=False)[0].tolist()[1:]
        target = torch.tensor([[0] + forced])
        with torch.no_grad():
            logits = model(**encoded, decoder_input_ids=target).logits[0]
        complete = ids[-1:] == [1]
        case = {"text": text, "ids": encoded["input_ids"][0].tolist(), "max_tokens": most}
        case |= {"written": ids[:-1] if complete else ids, "complete": complete}
        case |= {"translation": tokenizer.decode(ids, skip_special_tokens=True)}
        case |= {"forced": forced, "logits": {str(at): rounded(logits[at]) for at in (0, 7, 20, 70, len(forced))}}
        cases.append(case)
    write(folder, cases)


def sentiment():
    texts = [text for text, _ in MOODS]
    # Older folders have no tokenizer.json, only a vocabulary.
    tokenizer = wordpiece(texts, 260)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")
    config = DistilBertConfig(
        vocab_size=tokenizer.get_vocab_size(), dim=32, n_layers=2, n_heads=4, hidden_dim=64,
        max_position_embeddings=64, id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1},
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0,
    )
    torch.manual_seed(1)
    model = louder(DistilBertForSequenceClassification(config), 2.0)
    encoded = fast(texts, padding=True, return_tensors="pt")
    encoded.pop("token_type_ids", None)
    labels = torch.tensor([label for _, label in MOODS])
    train(model, 150, 3e-3, lambda model: model(**encoded, labels=labels).loss)
    folder = save("sentiment", model, fast)
    (folder / "tokenizer.json").unlink()
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(piece + "\n" for piece, _ in vocabulary))
    described = {"do_lower_case": True, "model_max_length": 64, "tokenizer_class": "DistilBertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(described) + "\n")
    ask_classifier(folder, [(text, None) for text in TEXTS], lambda logits: logits.softmax(-1))


def relevance():
    pairs = [(q, p, float(QUESTIONS[q] == p)) for q in QUESTIONS for p in QUESTIONS.values()]
    tokenizer = wordpiece([text for pair in QUESTIONS.items() for text in pair], 300)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, num_labels=1,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(2)
    model = louder(BertForSequenceClassification(config), 2.0)
    encoded = fast([q for q, _, _ in pairs], [p for _, p, _ in pairs], padding=True, return_tensors="pt")
    target = torch.tensor([score for _, _, score in pairs])
    loss = torch.nn.BCEWithLogitsLoss()
    train(model, 200, 3e-3, lambda model: loss(model(**encoded).logits[:, 0], target))
    folder = save("relevance", model, fast)
    passages = list(QUESTIONS.values())
    question = "How do I get my money back?"
    inputs = [(question, p) for p in passages]
    inputs += [("Where is my parcel?", passages[2] * 8), (question * 9, passages[1]), ("", ""), ("word", None)]
    ask_classifier(folder, inputs, torch.sigmoid)


def topics():
    tokenizer = byte_level([text for text, _ in MOODS] + TEXTS, 330)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", unk_token="<unk>", mask_token="<mask>", model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1,
        problem_type="multi_label_classification", id2label={0: "money", 1: "delivery", 2: "account"},
        label2id={"money": 0, "delivery": 1, "account": 2}, layer_norm_eps=1e-5,
    )
    torch.manual_seed(3)
    folder = save("topics", louder(RobertaForSequenceClassification(config), 8.0), fast)
    inputs = [(text, None) for text in TEXTS] + [("This is great!", "What a wonderful day.")]
    ask_classifier(folder, inputs, torch.sigmoid)


def translator():
    texts = [PREFIX + english for english, _ in FRENCH] + [french for _, french in FRENCH]
    tokenizer = unigram(texts, 220)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=256,
        model_input_names=["input_ids", "attention_mask"],
    )
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(), d_model=48, d_kv=12, d_ff=96, num_layers=2, num_heads=4,
        dropout_rate=0.0, decoder_start_token_id=0,
    )
    torch.manual_seed(4)
    model = T5ForConditionalGeneration(config)
    encoded = fast([PREFIX + english for english, _ in FRENCH], padding=True, return_tensors="pt")
    labels = fast([french for _, french in FRENCH], padding=True, return_tensors="pt")["input_ids"]
    labels[labels == 0] = -100
    train(model, 400, 5e-3, lambda model: model(**encoded, labels=labels).loss)
    folder = save("translator", model, fast)
    forced = [(7 * i * i + 3 * i) % (config.vocab_size - 3) + 3 for i in range(150)]
    asked = [PREFIX + FRENCH[0][0], PREFIX + FRENCH[8][0], "", PREFIX + "The old cat costs a coffee. " * 12]
    ask_translator(folder, asked, 40, forced)


def rewriter():
    """T5's second generation: a gate, a head of its own, stacks of different heights."""
    texts = [text for pair in FRENCH for text in pair]
    tokenizer = unigram(texts, 120)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )
    config = T5Config(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, d_kv=8, d_ff=40, num_layers=2, num_decoder_layers=1,
        num_heads=3, relative_attention_num_buckets=16, relative_attention_max_distance=60,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
    )
    torch.manual_seed(5)
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        # A head of its own, which this version of `transformers` would share as well.
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.shared.weight) * 0.7)
        for block in list(model.encoder.block) + list(model.decoder.block):
            for name, weight in block.named_parameters():
                if weight.dim() > 1:
                    weight.mul_(2.0)
    folder = save("rewriter", model, fast)
    again = AutoModelForSeq2SeqLM.from_pretrained(folder)
    assert not torch.equal(again.lm_head.weight, again.shared.weight), "the head is shared"
    assert not again.config.scale_decoder_outputs
    forced = [(5 * i * i + i) % (config.vocab_size - 3) + 3 for i in range(120)]
    ask_translator(folder, ["Hello world!", "See you tomorrow! " * 20], 70, forced)


for make in (sentiment, relevance, topics, translator, rewriter):
    if make.__name__ in sys.argv[1:] or len(sys.argv) == 1:
        make()
