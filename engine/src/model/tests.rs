//! Tiny GGUF models from disk to logits: what is refused and how, and what a plan may ask. Whether
//! logits are right is tested against candle.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::gguf::GgmlType;
use crate::gguf::builder::Builder;
use crate::model::{LoadedModel, ModelError, ModelFiles, load};
use crate::{
    BLOCK_SIZE, BatchPlan, BlockId, EngineConfig, LogitRows, ScheduledSequence, SequenceId,
};

const HIDDEN: u64 = 32;
const FFN: u64 = 48;
const VOCAB: u64 = 40;
const CONTEXT: u32 = 64;
/// Bytes of a KV block: 2 layers, 1 head of 16, 16 positions, keys and values in f16.
const BLOCK_BYTES: usize = 2 * 16 * 16 * 2 * 2;

/// A right model: 2 layers, 2 heads of 16, 1 KV head.
fn tiny() -> Builder {
    let mut builder = Builder::new()
        .str("general.architecture", "llama")
        .u32("llama.block_count", 2)
        .u32("llama.context_length", CONTEXT)
        .u32("llama.embedding_length", 32)
        .u32("llama.feed_forward_length", 48)
        .u32("llama.attention.head_count", 2)
        .u32("llama.attention.head_count_kv", 1)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .strs("tokenizer.ggml.tokens", &["a", "<|im_end|>", "<|eot_id|>"])
        .i32s("tokenizer.ggml.token_type", &[1, 3, 1])
        .u32("tokenizer.ggml.eos_token_id", 0);
    let mut tensors = vec![
        ("token_embd.weight".to_owned(), vec![VOCAB, HIDDEN]),
        ("output_norm.weight".to_owned(), vec![HIDDEN]),
    ];
    for layer in 0..2 {
        for (name, shape) in [
            ("attn_norm", vec![HIDDEN]),
            ("attn_q", vec![32, HIDDEN]),
            ("attn_k", vec![16, HIDDEN]),
            ("attn_v", vec![16, HIDDEN]),
            ("attn_output", vec![HIDDEN, 32]),
            ("ffn_norm", vec![HIDDEN]),
            ("ffn_gate", vec![FFN, HIDDEN]),
            ("ffn_up", vec![FFN, HIDDEN]),
            ("ffn_down", vec![HIDDEN, FFN]),
        ] {
            tensors.push((format!("blk.{layer}.{name}.weight"), shape));
        }
    }
    for (name, shape) in tensors {
        builder = builder.tensor(&name, &shape, &values(&shape));
    }
    builder
}

/// Values without a pattern that a model could lose.
fn values(shape: &[u64]) -> Vec<f32> {
    let len = shape.iter().product::<u64>();
    let value = |i: u64| f32::from(u8::try_from((i * i + 7 * i) % 251).unwrap()) / 251.0 - 0.4;
    (len..2 * len).map(value).collect()
}

/// `tiny` without the pair or tensor `name`.
fn without(name: &str) -> Builder {
    let mut builder = tiny();
    builder.pairs.retain(|(key, _)| key != name);
    builder.tensors.retain(|(tensor, ..)| tensor != name);
    builder
}

fn config() -> EngineConfig {
    EngineConfig {
        kv_cache_bytes: 12 * BLOCK_BYTES,
        max_num_batched_tokens: 48,
        threads: NonZeroUsize::new(1),
        ..EngineConfig::default()
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn loaded(bytes: &[u8], config: &EngineConfig) -> Result<LoadedModel, ModelError> {
    let folder = Folder::new();
    let path = folder.write("tiny.gguf", bytes);
    load(&ModelFiles::find(&path)?, config)
}

/// The error of a model, without its file's name.
fn fails(builder: &Builder) -> String {
    let message = loaded(&builder.build(), &config()).unwrap_err().to_string();
    match message.split_once("tiny.gguf\": ") {
        Some((_, message)) => message.to_owned(),
        None => panic!("no path in {message}"),
    }
}

fn share(id: u32, tokens: &[u32], start: usize, logits: LogitRows) -> ScheduledSequence {
    let blocks = 3;
    ScheduledSequence {
        id: SequenceId(id.into()),
        tokens: tokens.to_vec(),
        start,
        block_table: (0..blocks)
            .map(|block| BlockId(id * blocks + block))
            .collect(),
        logits,
    }
}

fn rows(model: &mut LoadedModel, sequences: Vec<ScheduledSequence>) -> Vec<Vec<f32>> {
    let plan = BatchPlan { sequences };
    let mut logits = model.runner.forward(&plan).unwrap();
    assert_eq!(logits.len(), plan.num_logit_rows());
    logits.rows().map(|row| row.to_vec()).collect()
}

#[test]
fn a_model_is_loaded_and_runs() {
    let mut model = loaded(&tiny().build(), &config()).unwrap();
    assert_eq!(model.info.name, "tiny");
    assert_eq!(model.info.architecture, "llama");
    assert_eq!(model.info.num_blocks, 12);
    assert_eq!(model.info.kv_cache_bytes, 12 * BLOCK_BYTES as u64);
    assert_eq!(
        model.info.parameters,
        40 * 32 + 32 + 2 * (2 * 32 + 3 * 32 * 32 + 3 * 32 * 48)
    );
    assert_eq!(model.info.file_bytes, 4 * model.info.parameters);
    // The end of sequence, and the control token that ends a turn.
    assert_eq!(model.eos_token_ids, [0, 1]);
    assert_eq!(model.runner.limits().vocab_size, 40);
    assert_eq!(model.runner.limits().max_model_len, 64);
    assert_eq!(model.runner.num_blocks(), 12);

    let logits = rows(&mut model, vec![share(0, &[1, 2, 3], 0, LogitRows::All)]);
    assert_eq!(logits.len(), 3);
    assert!(logits.iter().flatten().all(|logit| logit.is_finite()));
    assert_ne!(logits[0], logits[1]);
    let last = rows(&mut model, vec![share(1, &[1, 2, 3], 0, LogitRows::Last)]);
    assert_eq!(last, logits[2..]);
    assert!(rows(&mut model, vec![share(1, &[4], 3, LogitRows::None)]).is_empty());
    assert!(rows(&mut model, Vec::new()).is_empty());
}

#[test]
fn chunks_and_neighbours_change_no_bit() {
    let mut model = loaded(&tiny().build(), &config()).unwrap();
    let prompt: Vec<u32> = (0..37).map(|i| (i * 17 + 3) % 40).collect();
    let whole = rows(&mut model, vec![share(0, &prompt, 0, LogitRows::All)]);
    for chunk in [1, 7, 16] {
        let mut chunked = Vec::new();
        for (index, tokens) in prompt.chunks(chunk).enumerate() {
            let mine = share(1, tokens, index * chunk, LogitRows::All);
            let other = share(2, &[5, 6, 7], index * 3 % 20, LogitRows::None);
            chunked.extend(rows(&mut model, vec![other, mine]));
        }
        assert!(chunked == whole, "chunks of {chunk}");
    }
}

#[test]
fn broken_models_say_what_is_wrong() {
    let cases: [(Builder, &str); 13] = [
        (
            without("general.architecture").str("general.architecture", "gemma2"),
            "architecture \"gemma2\" is not supported; supported are llama, qwen2, qwen3, gemma3",
        ),
        (
            without("general.architecture"),
            "metadata \"general.architecture\" is missing",
        ),
        (
            without("llama.block_count"),
            "metadata \"llama.block_count\" is missing",
        ),
        (
            without("llama.block_count").str("llama.block_count", "two"),
            "metadata \"llama.block_count\" must be a u32, but is string \"two\"",
        ),
        (
            without("llama.block_count").u32("llama.block_count", 3),
            "tensor \"blk.2.attn_norm.weight\" is missing",
        ),
        (
            without("token_embd.weight"),
            "tensor \"token_embd.weight\" is missing",
        ),
        (
            without("blk.1.ffn_up.weight"),
            "tensor \"blk.1.ffn_up.weight\" is missing",
        ),
        (
            without("blk.1.ffn_up.weight").tensor("blk.1.ffn_up.weight", &[32, 48], &[0.0; 1536]),
            "tensor \"blk.1.ffn_up.weight\" must have shape [48, 32], but has [32, 48]",
        ),
        (
            without("blk.0.ffn_down.weight").raw_tensor(
                "blk.0.ffn_down.weight",
                &[32, 48],
                GgmlType::I16,
                vec![0; 3072],
            ),
            "tensor \"blk.0.ffn_down.weight\" is stored as I16, which is not supported; supported \
             are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K",
        ),
        (
            tiny().u32("llama.expert_count", 8),
            "a mixture of 8 experts is not supported; supported are: dense feed-forward layers",
        ),
        (
            tiny().f32("llama.final_logit_softcapping", 30.0),
            "a soft cap of 30 on logits is not supported; supported are: logits without a cap",
        ),
        (
            tiny().u32("llama.rope.dimension_count", 8),
            "rope over 8 of 16 values of a head is not supported; supported are: rope over whole \
             heads",
        ),
        (
            tiny().str("llama.rope.scaling.type", "longrope"),
            "rope scaling \"longrope\" is not supported; supported are: none, linear and yarn (and \
             divisors in the tensor rope_freqs.weight)",
        ),
    ];
    for (builder, message) in cases {
        assert_eq!(fails(&builder), message);
    }
    let mut foreign = without("tokenizer.ggml.eos_token_id");
    foreign = foreign.u32("tokenizer.ggml.eos_token_id", 40);
    assert_eq!(
        fails(&foreign),
        "end-of-sequence token id must be below the vocabulary size 40, but is 40"
    );
}

#[test]
fn iq_quants_are_refused_by_name() {
    let replaced = [
        "token_embd.weight",
        "llama.embedding_length",
        "tokenizer.ggml.eos_token_id",
    ];
    let mut builder = tiny();
    builder
        .pairs
        .retain(|(key, _)| !replaced.contains(&key.as_str()) && !key.contains(".token"));
    builder
        .tensors
        .retain(|(name, ..)| !replaced.contains(&name.as_str()));
    let builder = builder
        .u32("llama.embedding_length", 256)
        .u32("llama.attention.key_length", 16)
        .raw_tensor(
            "token_embd.weight",
            &[1, 256],
            GgmlType::IQ4_XS,
            vec![0; 136],
        );
    assert_eq!(
        fails(&builder),
        "tensor \"token_embd.weight\" is stored as IQ4_XS, which is not supported; supported are \
         F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K"
    );
}

#[test]
fn truncated_files_are_refused() {
    let whole = tiny().build();
    let cut = &whole[..whole.len() - 100];
    let message = loaded(cut, &config()).unwrap_err().to_string();
    assert!(
        message.contains(
            "tensor \"blk.1.ffn_down.weight\": its 6144 bytes at offset 61056 do not lie within the \
             file's 67100 bytes of data; the file is truncated or corrupt"
        ),
        "{message}"
    );
    for len in (0..whole.len()).step_by(611) {
        assert!(loaded(&whole[..len], &config()).is_err(), "cut to {len}");
    }
}

#[test]
fn flipped_bytes_of_the_header_never_panic() {
    let builder = tiny();
    let whole = builder.build();
    let data: usize = builder.tensors.iter().map(|(.., bytes)| bytes.len()).sum();
    let header = whole.len() - data;
    for index in (0..header).step_by(3) {
        let mut bytes = whole.clone();
        bytes[index] ^= if index % 2 == 0 { 0x01 } else { 0x80 };
        if let Ok(mut model) = loaded(&bytes, &config()) {
            rows(&mut model, vec![share(0, &[1, 2, 3], 0, LogitRows::Last)]);
        }
    }
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let refusal = |config: EngineConfig| loaded(&tiny().build(), &config).unwrap_err().to_string();
    assert_eq!(
        refusal(EngineConfig {
            kv_cache_bytes: 4 * BLOCK_BYTES - 1,
            ..config()
        }),
        "a KV cache of 8191 bytes cannot hold one context of 64 tokens; 8192 bytes would, or a \
         smaller max_model_len"
    );
    assert_eq!(
        refusal(EngineConfig {
            max_model_len: Some(65),
            ..config()
        }),
        "max_model_len must be from 1 to the model's 64, but is 65"
    );
    assert_eq!(
        refusal(EngineConfig {
            max_num_batched_tokens: 0,
            ..config()
        }),
        "max_num_batched_tokens must be at least 1, but is 0"
    );
    let shorter = EngineConfig {
        max_model_len: Some(33),
        kv_cache_bytes: 3 * BLOCK_BYTES,
        ..config()
    };
    let model = loaded(&tiny().build(), &shorter).unwrap();
    assert_eq!(
        (
            model.runner.limits().max_model_len,
            model.runner.num_blocks()
        ),
        (33, 3)
    );
}

#[test]
fn plans_that_do_not_fit_write_nothing() {
    let mut model = loaded(&tiny().build(), &config()).unwrap();
    let good = share(0, &[1, 2, 3], 0, LogitRows::None);
    rows(&mut model, vec![good]);
    let next = share(0, &[4], 3, LogitRows::Last);
    let before = rows(&mut model, vec![next.clone()]);

    let beyond = ScheduledSequence {
        block_table: vec![BlockId(12)],
        ..share(1, &[1], 0, LogitRows::Last)
    };
    let long: Vec<u32> = vec![1; 49];
    let cases = [
        (
            share(3, &long, 0, LogitRows::Last),
            "it has 52 tokens, but a step computes at most 48",
        ),
        (
            share(3, &[], 0, LogitRows::Last),
            "sequence 3: it has no tokens",
        ),
        (
            share(3, &[1], 64, LogitRows::Last),
            "sequence 3: it reaches to position 65, but the context has 64",
        ),
        (
            share(3, &[1], usize::MAX, LogitRows::Last),
            "sequence 3: it reaches to position 18446744073709551615, but the context has 64",
        ),
        (
            share(3, &[1], 3 * BLOCK_SIZE, LogitRows::Last),
            "sequence 3: 49 positions need 4 blocks, but it has 3",
        ),
        (
            beyond,
            "sequence 1: block 12 does not exist; the cache has 12",
        ),
        (
            share(3, &[40], 0, LogitRows::Last),
            "sequence 3: token id 40 does not exist; the vocabulary has 40",
        ),
    ];
    for (bad, why) in cases {
        // A right sequence that would write other keys stands before the wrong one.
        let sequences = vec![share(0, &[9, 9, 9], 0, LogitRows::None), bad];
        let error = model.runner.forward(&BatchPlan { sequences }).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the plan cannot be computed: {why}")
        );
    }
    assert_eq!(rows(&mut model, vec![next]), before);
}

#[test]
fn files_are_found_and_missing_ones_named() {
    let folder = Folder::new();
    let root = folder.0.path();
    let find = |path: &Path| ModelFiles::find(path).map_err(|error| error.to_string());
    assert_eq!(
        find(root),
        Err(format!(
            "{root:?} has neither a config.json nor a .gguf file"
        ))
    );
    let only = folder.write("a.gguf", b"");
    assert_eq!(
        find(root),
        Ok(ModelFiles::Gguf {
            first: only.clone(),
            rest: Vec::new()
        })
    );
    folder.write("b.gguf", b"");
    assert_eq!(
        find(root),
        Err(format!(
            "{root:?} has several .gguf files, name one of them: [\"a.gguf\", \"b.gguf\"]"
        ))
    );
    folder.write("config.json", b"{}");
    assert_eq!(
        find(root),
        Err(format!(
            "{root:?} has neither model.safetensors nor model.safetensors.index.json"
        ))
    );
    folder.write("model.safetensors", b"");
    assert_eq!(find(root), Err(format!("{root:?} has no tokenizer.json")));
    folder.write("tokenizer.json", b"");
    assert!(matches!(find(root), Ok(ModelFiles::Folder(found)) if found.path == root));
    let text = folder.write("notes.txt", b"");
    assert_eq!(
        find(&text),
        Err(format!("{text:?} is neither a folder nor a .gguf file"))
    );
    let absent = find(&root.join("absent")).unwrap_err();
    assert!(absent.contains("cannot read it: No such file"), "{absent}");
}

#[test]
fn split_files_are_one_model() {
    let whole = tiny();
    let mut first = whole.clone();
    let mut second = Builder::new();
    second.tensors = first.tensors.split_off(9);
    let folder = Folder::new();
    let path = folder.write("tiny-00001-of-00002.gguf", &first.build());
    let missing = ModelFiles::find(&path).unwrap_err().to_string();
    assert!(
        missing.contains("is the first of 2 parts, but"),
        "{missing}"
    );
    let other = folder.write("tiny-00002-of-00002.gguf", &second.build());
    assert_eq!(
        ModelFiles::find(&other).unwrap_err().to_string(),
        format!("{other:?} is part 2 of 2; name the first part")
    );
    let files = ModelFiles::find(folder.0.path()).unwrap();
    let mut split = load(&files, &config()).unwrap();
    let mut single = loaded(&whole.build(), &config()).unwrap();
    let plan = || vec![share(0, &[1, 2, 3], 0, LogitRows::All)];
    assert_eq!(rows(&mut split, plan()), rows(&mut single, plan()));
    assert_eq!(split.info.parameters, single.info.parameters);
}
