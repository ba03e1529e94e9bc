//! What candle's models say, position by position, in f32.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{gemma3, llama, quantized_llama, qwen2, qwen3};

use crate::hub_model::HubModel;

const CPU: Device = Device::Cpu;

impl HubModel {
    fn builder(&self) -> VarBuilder<'static> {
        let tensors: HashMap<String, Tensor> = self.tensors.clone().into_iter().collect();
        VarBuilder::from_tensors(tensors, DType::F32, &CPU)
    }

    /// Candle's logits for each position of `tokens`.
    pub(crate) fn candle_logits(&self, tokens: &[u32]) -> Vec<Vec<f32>> {
        let config = self.config.clone();
        let builder = self.builder();
        match self.config["architectures"][0].as_str().unwrap() {
            "LlamaForCausalLM" => {
                let config: llama::LlamaConfig = serde_json::from_value(config).unwrap();
                let config = config.into_config(false);
                let mut cache = llama::Cache::new(true, DType::F32, &config, &CPU).unwrap();
                let model = llama::Llama::load(builder, &config).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position, &mut cache).unwrap()
                })
            }
            "Qwen2ForCausalLM" => {
                let config: qwen2::Config = serde_json::from_value(config).unwrap();
                let mut model = qwen2::ModelForCausalLM::new(&config, builder).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position).unwrap()
                })
            }
            "Qwen3ForCausalLM" => {
                let config: qwen3::Config = serde_json::from_value(config).unwrap();
                let mut model = qwen3::ModelForCausalLM::new(&config, builder).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position).unwrap()
                })
            }
            "Gemma3ForCausalLM" => {
                let config: gemma3::Config = serde_json::from_value(config).unwrap();
                let mut model = gemma3::Model::new(false, &config, builder).unwrap();
                by_position(tokens, |token, position| {
                    model.forward(token, position).unwrap()
                })
            }
            other => panic!("no oracle for {other}"),
        }
    }
}

/// Logits of candle's model for GGUF files, with the file's weights dequantised to f32.
pub(crate) fn dequantised_logits(path: &Path, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut reader = File::open(path).unwrap();
    let content = gguf_file::Content::read(&mut reader).unwrap();
    let tensors: Vec<_> = content
        .tensor_infos
        .keys()
        .map(|name| {
            let tensor = content.tensor(&mut reader, name, &CPU).unwrap();
            let tensor = tensor.dequantize(&CPU).unwrap();
            (
                name.as_str(),
                QTensor::quantize(&tensor, GgmlDType::F32).unwrap(),
            )
        })
        .collect();
    let tensors: Vec<_> = tensors
        .iter()
        .map(|(name, tensor)| (*name, tensor))
        .collect();
    let metadata: Vec<_> = content
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f32.gguf");
    gguf_file::write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
    let mut reader = File::open(&path).unwrap();
    let content = gguf_file::Content::read(&mut reader).unwrap();
    let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut reader, &CPU).unwrap();
    by_position(tokens, |token, position| {
        model.forward(token, position).unwrap()
    })
}

/// Feeds one token after the other; `forward` answers logits of one position.
fn by_position(tokens: &[u32], mut forward: impl FnMut(&Tensor, usize) -> Tensor) -> Vec<Vec<f32>> {
    let each = tokens.iter().enumerate().map(|(position, &token)| {
        let input = Tensor::new(&[[token]], &CPU).unwrap();
        forward(&input, position)
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    });
    each.collect()
}
