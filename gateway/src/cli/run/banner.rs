//! What is said when all is there.

use std::fmt;
use std::path::PathBuf;

use engine::{Activations, Device, Isa, Speculation, SpeculationMethod};
use llm_apps::spec::{ApplicationSpec, ByteSize};

use super::started_small_model::StartedSmallModel;

/// A server that is ready. It prints as the banner.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Started {
    /// Version of the program.
    pub(in crate::cli) version: &'static str,
    /// Where it listens.
    pub(in crate::cli) addresses: Addresses,
    /// What it serves.
    pub(in crate::cli) models: Vec<StartedModel>,
    /// The encoders and classifiers beside them.
    pub(in crate::cli) small_models: Vec<StartedSmallModel>,
    /// What the applications search.
    pub(in crate::cli) collections: Vec<StartedCollection>,
    /// The applications over them.
    pub(in crate::cli) applications: Vec<StartedApplication>,
}

/// Where a server listens, with the ports that it got.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Addresses {
    /// Clients.
    pub(in crate::cli) url: String,
    /// Those who deploy; `None` where there is no such socket.
    pub(in crate::cli) admin: Option<String>,
    /// Clients by gRPC, likewise.
    pub(in crate::cli) grpc: Option<String>,
}

/// One collection that is searched.
#[derive(Debug, Clone)]
pub(in crate::cli) struct StartedCollection {
    /// Its name.
    pub(in crate::cli) name: String,
    /// The encoder of its vectors.
    pub(in crate::cli) encoder: String,
    /// The folder or server.
    pub(in crate::cli) store: String,
    /// Whether nobody else can write into it while the server runs.
    pub(in crate::cli) is_held: bool,
    /// How many there are.
    pub(in crate::cli) passages: usize,
    /// The configuration to ingest with.
    pub(in crate::cli) config: PathBuf,
}

/// One application, whose replicas are starting.
#[derive(Debug, Clone)]
pub(in crate::cli) struct StartedApplication {
    /// The name that clients send as `model`.
    pub(in crate::cli) name: String,
    /// Its own path.
    pub(in crate::cli) route_prefix: Option<String>,
    /// Its deployments.
    pub(in crate::cli) deployments: Vec<String>,
}

impl StartedApplication {
    /// What the configuration says of it.
    pub(in crate::cli) fn of(spec: &ApplicationSpec) -> Self {
        let deployments = spec.deployments.iter().map(|d| d.name.clone());
        Self {
            name: spec.name.clone(),
            route_prefix: spec.route_prefix.clone(),
            deployments: deployments.collect(),
        }
    }
}

impl fmt::Display for StartedCollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            encoder,
            store,
            is_held,
            passages,
            config,
        } = self;
        writeln!(f, "\n  {name}")?;
        let passages = grouped(*passages);
        writeln!(f, "    {:<9} {passages}, encoded by {encoder}", "passages")?;
        writeln!(f, "    {:<9} {store}", "store")?;
        if passages != "0" {
            return Ok(());
        }
        writeln!(
            f,
            "    {:<9} it is empty; {}fill it: penstock ingest {name} PATHS... --config {}",
            "warning",
            if *is_held {
                "stop this server and "
            } else {
                ""
            },
            config.display()
        )
    }
}

impl fmt::Display for StartedApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n  {}", self.name)?;
        writeln!(f, "    {:<9} {}", "stages", self.deployments.join(", "))?;
        match &self.route_prefix {
            Some(prefix) => writeln!(f, "    {:<9} POST {prefix}", "path"),
            None => Ok(()),
        }
    }
}

/// One model that is ready.
#[derive(Debug, Clone)]
pub(in crate::cli) struct StartedModel {
    /// The id that clients send.
    pub(in crate::cli) name: String,
    /// Other ids.
    pub(in crate::cli) aliases: Vec<String>,
    /// The file or folder.
    pub(in crate::cli) path: PathBuf,
    /// Its family.
    pub(in crate::cli) architecture: String,
    /// Weights, in number.
    pub(in crate::cli) parameters: u64,
    /// Bytes of the weights in memory.
    pub(in crate::cli) weight_bytes: u64,
    /// Bytes of the KV cache.
    pub(in crate::cli) kv_cache_bytes: u64,
    /// Tokens that the KV cache holds.
    pub(in crate::cli) kv_cache_tokens: usize,
    /// Prompt and answer together, in tokens.
    pub(in crate::cli) max_model_len: usize,
    /// What computes.
    pub(in crate::cli) device: Device,
    /// Threads that compute, or sample what a GPU computed.
    pub(in crate::cli) threads: usize,
    /// Instructions that they use.
    pub(in crate::cli) isa: Isa,
    /// Precision of the activations, on the CPU.
    pub(in crate::cli) activations: Activations,
    /// How tokens are guessed ahead.
    pub(in crate::cli) speculation: Option<Speculation>,
    /// Whether it has a chat template.
    pub(in crate::cli) chats: bool,
    /// What a user should know.
    pub(in crate::cli) notes: Vec<String>,
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            addresses: Addresses { url, admin, grpc },
            models,
            small_models,
            collections,
            applications,
        } = self;
        writeln!(f, "Penstock {version} listens on {url}")?;
        if let Some(grpc) = grpc {
            writeln!(f, "It speaks gRPC on {grpc}")?;
        }
        if let Some(admin) = admin {
            writeln!(f, "Deploy and look at it on {admin}")?;
        }
        for model in models {
            write!(f, "{model}")?;
        }
        for small_model in small_models {
            write!(f, "{small_model}")?;
        }
        for collection in collections {
            write!(f, "{collection}")?;
        }
        for application in applications {
            write!(f, "{application}")?;
        }
        let Some(first) = models.first() else {
            let name = applications.first().map(|first| &first.name);
            let Some(name) = name else {
                return match small_models.first() {
                    Some(first) => writeln!(f, "\nTry it:\n  {}", first.command(url)),
                    None => Ok(()),
                };
            };
            return writeln!(
                f,
                "\nTry it:\n  curl {url}/v1/chat/completions -H 'content-type: application/json' -d '{{\
                 \"model\": \"{name}\", \"messages\": [{{\"role\": \"user\", \"content\": \"...\"}}]}}'"
            );
        };
        let name = &first.name;
        writeln!(f, "\nTry it:")?;
        if first.chats {
            writeln!(
                f,
                "  curl -N {url}/v1/chat/completions -H 'content-type: application/json' -d '{{\
                 \"model\": \"{name}\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \
                 \"content\": \"What is the capital of France?\"}}]}}'"
            )
        } else {
            writeln!(
                f,
                "  curl -N {url}/v1/completions -H 'content-type: application/json' -d '{{\
                 \"model\": \"{name}\", \"stream\": true, \"prompt\": \"Once upon a time\"}}'"
            )
        }
    }
}

impl fmt::Display for StartedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {}", self.name)?;
        if !self.aliases.is_empty() {
            write!(f, " (also {})", self.aliases.join(", "))?;
        }
        writeln!(f)?;
        let mut fact = |name: &str, text: String| writeln!(f, "    {name:<9} {text}");
        fact(
            "model",
            format!(
                "{}, {} parameters, {} in memory",
                self.architecture,
                count(self.parameters),
                ByteSize(self.weight_bytes)
            ),
        )?;
        fact("file", self.path.display().to_string())?;
        fact(
            "KV cache",
            format!(
                "{} for {} tokens; up to {} a request",
                ByteSize(self.kv_cache_bytes),
                grouped(self.kv_cache_tokens),
                grouped(self.max_model_len)
            ),
        )?;
        fact("compute", self.compute())?;
        if let Some(speculation) = &self.speculation {
            fact("guesses", guesses(speculation))?;
        }
        for note in &self.notes {
            fact("note", note.clone())?;
        }
        Ok(())
    }
}

impl StartedModel {
    fn compute(&self) -> String {
        let s = if self.threads == 1 { "" } else { "s" };
        let threads = format!("{} thread{s}, {}", self.threads, isa(self.isa));
        match self.device {
            Device::Cpu => format!("{threads}, activations {}", activations(self.activations)),
            device @ Device::Cuda { .. } => format!("{device}; sampling on {threads}"),
        }
    }
}

/// As the configuration has them.
fn activations(activations: Activations) -> &'static str {
    match activations {
        Activations::Int16 => "int16",
        Activations::Mixed => "mixed",
        Activations::Int8 => "int8",
    }
}

fn guesses(speculation: &Speculation) -> String {
    let from = match &speculation.method {
        SpeculationMethod::Ngram {
            prompt_lookup_min,
            prompt_lookup_max,
        } => format!("its own text, by {prompt_lookup_min} to {prompt_lookup_max} tokens"),
        SpeculationMethod::Draft { model } => format!("the draft model {}", model.display()),
    };
    let most = speculation.num_speculative_tokens;
    format!("up to {most} tokens a step, from {from}")
}

fn isa(isa: Isa) -> &'static str {
    match isa {
        Isa::Portable => "portable code",
        Isa::Avx2 => "AVX2",
        Isa::Avx512Vnni => "AVX-512 VNNI",
        Isa::Amx => "AMX int8 and AVX-512 VNNI",
    }
}

/// A large number in short: `135M`, `1.2B`.
fn count(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    for (scale, unit) in UNITS {
        if number >= scale {
            let whole = number / scale;
            let tenths = number % scale * 10 / scale;
            return match tenths {
                t if whole < 10 && t > 0 => format!("{whole}.{t}{unit}"),
                _ => format!("{whole}{unit}"),
            };
        }
    }
    number.to_string()
}

/// A number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
