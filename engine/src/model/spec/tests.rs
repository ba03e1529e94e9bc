//! Specs from `config.json`: what is understood, what is refused and how, and rope frequencies as
//! `transformers` computes them. GGUF metadata are tested where models are loaded.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::config_json::from_config_json;
use super::layers::Activation;
use super::rope::RopeScaling;
use super::shape::{Architecture, Biases, ModelSpec};
use crate::kernels::RopeStyle;

/// SmolLM2-135M's, with fields changed; `null` leaves one out.
fn config(changes: &Value) -> Vec<u8> {
    let mut config = json!({
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000,
        "rope_scaling": null,
        "rope_interleaved": false,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
    });
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    config.to_string().into_bytes()
}

fn spec(changes: &Value) -> ModelSpec {
    from_config_json(&config(changes)).unwrap()
}

fn refusal(changes: &Value) -> String {
    from_config_json(&config(changes)).unwrap_err().to_string()
}

#[test]
fn a_description_becomes_a_spec() {
    let spec = spec(&json!({}));
    assert_eq!(spec.architecture, Architecture::Llama);
    assert_eq!(
        (spec.hidden, spec.layers, spec.ffn, spec.vocab),
        (576, 30, 1536, 49152)
    );
    assert_eq!((spec.heads, spec.kv_heads, spec.head_dim), (9, 3, 64));
    assert_eq!((spec.q_width(), spec.kv_width()), (576, 192));
    assert_eq!(spec.max_positions, 8192);
    assert_eq!(spec.rope.style, RopeStyle::Halves);
    assert_eq!(spec.rope.scaling, RopeScaling::None);
    assert!(spec.tied_head && !spec.norms.heads && spec.notes.is_empty());
    assert_eq!(spec.biases, Biases::default());
}

#[test]
fn architectures_differ_in_biases_and_norms() {
    let qwen2 = spec(&json!({"architectures": ["Qwen2ForCausalLM"]}));
    assert!(qwen2.biases.qkv && !qwen2.biases.output && !qwen2.norms.heads);
    let qwen3 = spec(&json!({"architectures": ["Qwen3ForCausalLM"]}));
    assert!(!qwen3.biases.qkv && qwen3.norms.heads);
    assert_eq!(qwen3.head_dim, 128);
    let biased = spec(&json!({"attention_bias": true, "mlp_bias": true}));
    assert_eq!(
        biased.biases,
        Biases {
            qkv: true,
            output: true,
            ffn: true
        }
    );
}

/// Gemma 3 1B's, with fields changed.
fn gemma(changes: &Value) -> Vec<u8> {
    let mut fields = json!({
        "architectures": ["Gemma3ForCausalLM"],
        "hidden_size": 1152,
        "num_hidden_layers": 26,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 256,
        "rope_theta": 1000000,
        "rope_local_base_freq": 10000,
        "sliding_window": 512,
        "sliding_window_pattern": 6,
        "tie_word_embeddings": null,
        "attn_logit_softcapping": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        fields[key] = value.clone();
    }
    config(&fields)
}

#[test]
fn gemma_3_is_described_by_its_layers() {
    let spec = from_config_json(&gemma(&json!({}))).unwrap();
    assert_eq!(spec.architecture, Architecture::Gemma3);
    assert_eq!(spec.max_positions, 8192);
    assert!(spec.tied_head && spec.norms.heads && spec.norms.after);
    assert_eq!(spec.norms.offset.to_bits(), 1.0_f32.to_bits());
    assert_eq!(spec.activation, Activation::GeluTanh);
    assert_eq!(spec.embedding_scale.to_bits(), 1152_f32.sqrt().to_bits());
    assert_eq!(spec.attention_scale.to_bits(), (1.0_f32 / 16.0).to_bits());
    let windows: Vec<_> = (0..13).map(|layer| spec.window(layer)).collect();
    let five = [Some(512); 5];
    assert_eq!(
        windows,
        [&five[..], &[None], &five, &[None], &five[..1]].concat()
    );
    let local = spec.local.unwrap();
    assert!((spec.rope.theta, local.rope.theta) == (1e6, 1e4));

    // As `transformers` 5 writes the same.
    let newer = gemma(&json!({
        "rope_theta": null, "rope_local_base_freq": null, "sliding_window_pattern": null,
        "layer_types": (0..26).map(|layer| match layer % 6 {
            5 => "full_attention",
            _ => "sliding_attention",
        }).collect::<Vec<_>>(),
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    }));
    let newer = from_config_json(&newer).unwrap();
    assert_eq!(newer.local.as_ref(), Some(&local));
    assert_eq!(newer.rope.scaling, RopeScaling::Linear { factor: 8.0 });
    assert!(newer.rope.theta == 1e6);
}

#[test]
fn what_gemma_3_cannot_have_is_named() {
    let cases = [
        (
            json!({"final_logit_softcapping": 30.0}),
            "a soft cap of 30 on logits is not supported; supported are: logits without a cap",
        ),
        (
            json!({"use_bidirectional_attention": true}),
            "attention to later positions is not supported; supported are: causal attention",
        ),
        (
            json!({"hidden_activation": "relu"}),
            "activation \"relu\" is not supported; supported are: \"gelu_pytorch_tanh\"",
        ),
        (
            json!({"sliding_window": 0}),
            "sliding window must be at least 1, but is 0",
        ),
        (
            json!({"sliding_window": null}),
            "config.json's layers slide, but there is no \"sliding_window\"",
        ),
        (
            json!({"layer_types": ["full_attention"]}),
            "number of layer types must be 26, but is 1",
        ),
        (
            json!({"layer_types": ["chunked_attention"]}),
            "layer type \"chunked_attention\" is not supported; supported are: \
             \"sliding_attention\" and \"full_attention\"",
        ),
        (
            json!({"rope_local_base_freq": 0.0}),
            "rope theta must be from 1e-6 to 1e12, but is 0",
        ),
        (
            json!({"query_pre_attn_scalar": 0.0}),
            "attention scale must be above 0, but is inf",
        ),
    ];
    for (changes, message) in cases {
        let found = from_config_json(&gemma(&changes)).unwrap_err().to_string();
        assert_eq!(found, message);
    }
}

#[test]
fn a_sliding_window_limits_the_context() {
    let mistral = json!({
        "architectures": ["MistralForCausalLM"],
        "max_position_embeddings": 32768,
        "sliding_window": 4096,
    });
    let mistral = spec(&mistral);
    assert_eq!(mistral.max_positions, 4096);
    assert_eq!(
        mistral.notes,
        ["the context is limited to the attention's sliding window: 4096 tokens of 32768"]
    );
    let qwen = |used| {
        spec(&json!({
            "architectures": ["Qwen2ForCausalLM"],
            "sliding_window": 4096,
            "use_sliding_window": used,
        }))
    };
    assert_eq!(qwen(false).max_positions, 8192);
    assert_eq!(qwen(true).max_positions, 4096);
}

#[test]
fn what_cannot_be_run_is_named() {
    let cases = [
        (
            json!({"architectures": ["GemmaForCausalLM"]}),
            "architecture \"GemmaForCausalLM\" is not supported; supported are LlamaForCausalLM, \
             MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM, Gemma3ForCausalLM",
        ),
        (
            json!({"architectures": null}),
            "config.json's \"architectures\" must name one class, but is []",
        ),
        (
            json!({"quantization_config": {"quant_method": "gptq", "bits": 4}}),
            "quantisation \"gptq\" of safetensors is not supported; supported are: F32, F16 and \
             BF16; quantised weights come as GGUF",
        ),
        (
            json!({"hidden_act": "gelu"}),
            "activation \"gelu\" is not supported; supported are: \"silu\"",
        ),
        (
            json!({"partial_rotary_factor": 0.5}),
            "rope over 0.5 of a head's values is not supported; supported are: rope over whole heads",
        ),
        (
            json!({"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
            "rope scaling \"dynamic\" is not supported; supported are: default, linear, llama3 and \
             yarn",
        ),
        (
            json!({"rope_scaling": {"type": "linear"}}),
            "config.json's rope scaling has no \"factor\"",
        ),
        (
            json!({"hidden_size": null}),
            "config.json missing field `hidden_size` at line 1 column 304",
        ),
    ];
    for (changes, message) in cases {
        assert_eq!(refusal(&changes), message);
    }
}

#[test]
fn absurd_sizes_are_named() {
    let cases = [
        (
            json!({"hidden_size": 0}),
            "hidden size must be from 1 to 131072, but is 0",
        ),
        (
            json!({"vocab_size": 1_u64 << 60}),
            "vocabulary size must be from 1 to 4194304, but is 1152921504606846976",
        ),
        (
            json!({"num_hidden_layers": 0}),
            "number of layers must be from 1 to 4096, but is 0",
        ),
        (
            json!({"num_attention_heads": 0, "num_key_value_heads": 0}),
            "number of heads must divide the hidden size 576, but is 0",
        ),
        (
            json!({"num_attention_heads": 7}),
            "number of heads must divide the hidden size 576, but is 7",
        ),
        (
            json!({"num_key_value_heads": 2}),
            "number of key-value heads must divide the 9 heads, but is 2",
        ),
        (
            json!({"head_dim": 20}),
            "head dimension must be a multiple of 16, but is 20",
        ),
        (
            json!({"rms_norm_eps": -1.0}),
            "norm epsilon must be at least 0 and below 1, but is -1",
        ),
        (
            json!({"rope_theta": 0.0}),
            "rope theta must be from 1e-6 to 1e12, but is 0",
        ),
        (
            json!({"rope_scaling": {
                "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
            }}),
            "rope scaling high_freq_factor must be above low_freq_factor 4, but is 4",
        ),
    ];
    for (changes, message) in cases {
        assert_eq!(refusal(&changes), message);
    }
}

/// `expected` is what `ROPE_INIT_FUNCTIONS` of `transformers` 5.23.0 compute for heads of 16.
fn assert_frequencies(mut changes: Value, expected: [f32; 8], expected_scale: f32) {
    changes["head_dim"] = json!(16);
    let (frequencies, scale) = spec(&changes).rope.frequencies(16);
    assert!(
        (scale - expected_scale).abs() < 1e-6,
        "{changes}: scale {scale}"
    );
    for (pair, (ours, theirs)) in frequencies.iter().zip(&expected).enumerate() {
        let relative = (ours - theirs).abs() / theirs;
        assert!(
            relative < 1e-6,
            "{changes}: pair {pair}: {ours} is not {theirs}"
        );
    }
}

#[test]
fn llama3_and_linear_frequencies_are_those_of_transformers() {
    let changes = json!({
        "max_position_embeddings": 131072, "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
        },
    });
    let expected = [
        1.0,
        0.193_922_76,
        0.037_606_03,
        0.007_292_665,
        0.000_524_846,
        3.428_102_4e-5,
        6.647_869_7e-6,
        1.289_173_2e-6,
    ];
    assert_frequencies(changes, expected, 1.0);

    let changes = json!({
        "rope_theta": 10000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 4.0},
    });
    let expected = [
        0.25,
        0.079_056_94,
        0.025,
        0.007_905_695,
        0.002_5,
        0.000_790_569_5,
        0.000_25,
        7.905_694e-5,
    ];
    assert_frequencies(changes, expected, 1.0);
}

#[test]
fn yarn_frequencies_are_those_of_transformers() {
    // The newer place of the same fields.
    let changes = json!({
        "max_position_embeddings": 32768, "rope_theta": null,
        "rope_parameters": {
            "rope_type": "yarn", "factor": 4.0, "rope_theta": 1000000.0,
            "original_max_position_embeddings": 32768,
        },
    });
    let expected = [
        1.0,
        0.177_827_94,
        0.031_622_78,
        0.004_217_56,
        0.000_5,
        4.445_698_5e-5,
        7.905_694e-6,
        1.405_853_4e-6,
    ];
    assert_frequencies(changes, expected, 1.138_629_4);

    let changes = json!({
        "max_position_embeddings": 32768, "rope_theta": 10000.0,
        "rope_scaling": {
            "type": "yarn", "factor": 2.0, "original_max_position_embeddings": 128,
            "mscale": 0.7, "mscale_all_dim": 1.0, "beta_fast": 16.0, "beta_slow": 2.0,
        },
    });
    let expected = [
        1.0,
        0.263_523_13,
        0.066_666_67,
        0.015_811_39,
        0.005,
        0.001_581_139,
        0.000_5,
        0.000_158_113_9,
    ];
    assert_frequencies(changes, expected, 0.980_553_5);
}

#[test]
fn both_names_of_the_rope_type_may_stand_together() {
    let rope = json!({"type": "linear", "rope_type": "linear", "factor": 2.0});
    let spec = spec(&json!({"rope_scaling": rope}));
    assert_eq!(spec.rope.scaling, RopeScaling::Linear { factor: 2.0 });
}

#[test]
fn yarn_stretches_the_context() {
    let rope =
        json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048});
    assert_eq!(spec(&json!({"rope_scaling": rope})).max_positions, 8192);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A spec that exists can be multiplied out, whatever numbers stood in the file.
    #[test]
    fn numbers_never_panic(
        changes in prop::collection::vec((0_usize..14, any::<f64>(), any::<u64>(), 0..3), 1..4),
        of_gemma in any::<bool>(),
    ) {
        let fields = [
            "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "head_dim", "intermediate_size", "vocab_size", "max_position_embeddings",
            "sliding_window", "rms_norm_eps", "rope_theta", "rope_scaling",
            "sliding_window_pattern", "query_pre_attn_scalar",
        ];
        let config = if of_gemma { gemma(&json!({})) } else { config(&json!({})) };
        let mut config = serde_json::from_slice::<Value>(&config).unwrap();
        for (field, float, int, kind) in changes {
            config[fields[field]] = match kind {
                0 => json!(float),
                1 => json!(int),
                _ => json!({"rope_type": "yarn", "factor": float}),
            };
        }
        if let Ok(spec) = from_config_json(config.to_string().as_bytes()) {
            let (frequencies, _) = spec.rope.frequencies(spec.head_dim);
            prop_assert_eq!(frequencies.len(), spec.head_dim / 2);
            prop_assert!((spec.q_width() + 2 * spec.kv_width()).checked_mul(spec.hidden).is_some());
        }
    }
}
