//! What a model that cannot be opened says about the file: the value at fault, at its place.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a few faults are of the configuration; all others are of the model's files"
)]

use engine::kernels::KernelError;
use engine::{BLOCK_SIZE, ModelError, OpenError, StartError};

use super::fault::Faults;
use super::model::ModelSpec;
use super::size::ByteSize;

const MIB: usize = 1 << 20;

impl ModelSpec {
    /// The failure to open this model as a fault of the file; `None` where the file has no part in it.
    pub fn fault_of(&self, error: &OpenError) -> Option<Faults> {
        let fault = match error {
            OpenError::Model(ModelError::CacheTooSmall {
                bytes,
                max_model_len,
                needed,
            }) => self.places.fault(
                "engine.kv_cache",
                &format!(
                    "must be {} MiB or more for one context of {max_model_len} tokens, but is {}; \
                     or set a smaller `max_model_len`",
                    needed.div_ceil(MIB),
                    size(*bytes)
                ),
            ),
            OpenError::Model(ModelError::Config {
                knob,
                expected,
                found,
            }) => self.knob(knob, expected, *found),
            OpenError::Model(error @ (ModelError::DeviceNotBuilt { .. } | ModelError::Device(_))) => {
                let fault = format!("cannot be used: {error}");
                self.places.fault("engine.device", &fault)
            }
            OpenError::Model(ModelError::Kernel(
                error @ (KernelError::IsaMissing { .. } | KernelError::Amx { .. }),
            )) => {
                let fault = format!("cannot be used: {error}");
                self.places.fault("engine.isa", &fault)
            }
            OpenError::Model(ModelError::DeviceCache(_)) => {
                let fault = "must be f16 where `device` is a GPU, but is int8";
                self.places.fault("engine.kv_cache_dtype", fault)
            }
            OpenError::Start(StartError::OutOfRange {
                param,
                expected,
                value,
            }) => self.knob(param, expected, *value),
            OpenError::Start(StartError::CacheTooSmall {
                total,
                max_model_len,
                ..
            }) => self.places.fault(
                "engine.kv_cache",
                &format!(
                    "holds {} tokens, but one context has {max_model_len}; raise it, or set a smaller \
                     `max_model_len`",
                    total * BLOCK_SIZE
                ),
            ),
            OpenError::Start(StartError::Thread(_)) => return None,
            of_files => {
                let fault = format!("cannot be opened: {of_files}");
                self.places.fault("source", &fault)
            }
        };
        Some(fault)
    }

    /// A field of [`EngineConfig`](engine::EngineConfig) that does not fit the model.
    fn knob(&self, field: &str, expected: &str, found: usize) -> Faults {
        // The file's keys are the fields' names, but for sizes, whose unit stands in the value.
        let (key, found) = match field {
            "kv_cache_bytes" => ("kv_cache", size(found)),
            same => (same, found.to_string()),
        };
        let fault = format!("must be {expected}, but is {found}");
        self.places.fault(&format!("engine.{key}"), &fault)
    }
}

fn size(bytes: usize) -> String {
    u64::try_from(bytes).map_or_else(|_| bytes.to_string(), |bytes| ByteSize(bytes).to_string())
}
