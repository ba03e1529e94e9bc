//! Canonical names of tensors, and how each kind of file spells them.

/// A tensor of a Llama-family model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TensorName {
    /// One row a token.
    Embedding,
    FinalNorm,
    /// One row a token; absent where the embedding serves as head.
    Head,
    /// Divisors of the rope frequencies; GGUF only.
    RopeDivisors,
    Layer(usize, LayerTensor),
}

/// A tensor within a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerTensor {
    AttentionNorm,
    Query,
    Key,
    Value,
    Output,
    QueryBias,
    KeyBias,
    ValueBias,
    OutputBias,
    QueryNorm,
    KeyNorm,
    /// Before the feed-forward layer.
    FfnNorm,
    /// The same, in files that have [`Self::PostAttentionNorm`] too.
    PreFfnNorm,
    /// Of what attention adds to the stream.
    PostAttentionNorm,
    /// Of what the feed-forward layer adds to it.
    PostFfnNorm,
    Gate,
    Up,
    Down,
    GateBias,
    UpBias,
    DownBias,
}

impl TensorName {
    /// The spelling of llama.cpp's converters.
    pub(super) fn gguf(self) -> String {
        match self {
            Self::Embedding => "token_embd.weight".to_owned(),
            Self::FinalNorm => "output_norm.weight".to_owned(),
            Self::Head => "output.weight".to_owned(),
            Self::RopeDivisors => "rope_freqs.weight".to_owned(),
            Self::Layer(layer, tensor) => spell("blk", layer, tensor.spellings().0),
        }
    }

    /// The spelling of `transformers`; `None` where its files have no such tensor.
    pub(super) fn safetensors(self) -> Option<String> {
        Some(match self {
            Self::Embedding => "model.embed_tokens.weight".to_owned(),
            Self::FinalNorm => "model.norm.weight".to_owned(),
            Self::Head => "lm_head.weight".to_owned(),
            Self::RopeDivisors => return None,
            Self::Layer(layer, tensor) => spell("model.layers", layer, tensor.spellings().1),
        })
    }
}

/// Tables leave `.weight` out and write `.bias`.
fn spell(prefix: &str, layer: usize, tensor: &str) -> String {
    let ending = if tensor.ends_with(".bias") {
        ""
    } else {
        ".weight"
    };
    format!("{prefix}.{layer}.{tensor}{ending}")
}

impl LayerTensor {
    /// In GGUF and in safetensors.
    fn spellings(self) -> (&'static str, &'static str) {
        match self {
            Self::AttentionNorm => ("attn_norm", "input_layernorm"),
            Self::Query => ("attn_q", "self_attn.q_proj"),
            Self::Key => ("attn_k", "self_attn.k_proj"),
            Self::Value => ("attn_v", "self_attn.v_proj"),
            Self::Output => ("attn_output", "self_attn.o_proj"),
            Self::QueryBias => ("attn_q.bias", "self_attn.q_proj.bias"),
            Self::KeyBias => ("attn_k.bias", "self_attn.k_proj.bias"),
            Self::ValueBias => ("attn_v.bias", "self_attn.v_proj.bias"),
            Self::OutputBias => ("attn_output.bias", "self_attn.o_proj.bias"),
            Self::QueryNorm => ("attn_q_norm", "self_attn.q_norm"),
            Self::KeyNorm => ("attn_k_norm", "self_attn.k_norm"),
            Self::FfnNorm => ("ffn_norm", "post_attention_layernorm"),
            Self::PreFfnNorm => ("ffn_norm", "pre_feedforward_layernorm"),
            Self::PostAttentionNorm => ("post_attention_norm", "post_attention_layernorm"),
            Self::PostFfnNorm => ("post_ffw_norm", "post_feedforward_layernorm"),
            Self::Gate => ("ffn_gate", "mlp.gate_proj"),
            Self::Up => ("ffn_up", "mlp.up_proj"),
            Self::Down => ("ffn_down", "mlp.down_proj"),
            Self::GateBias => ("ffn_gate.bias", "mlp.gate_proj.bias"),
            Self::UpBias => ("ffn_up.bias", "mlp.up_proj.bias"),
            Self::DownBias => ("ffn_down.bias", "mlp.down_proj.bias"),
        }
    }
}
