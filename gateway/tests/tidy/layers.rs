//! Who may know whom: gateway -> llm-apps -> engine, and inside the engine from the ground up.

use std::fs;

use crate::source::{Source, report, root, sources};

/// The engine's rooms with their floor: a room may use rooms of lower floors, and itself. The rooms
/// of the ground floor are plain types and may use each other.
const ENGINE_FLOORS: &[(&str, u32)] = &[
    ("error", 0),
    ("event", 0),
    ("config", 0),
    ("batch", 0),
    ("mapped", 0),
    ("gguf", 1),
    ("kv_cache", 1),
    ("step_cost", 1),
    ("kernels", 1),
    ("hub", 1),
    ("tokenizer", 2),
    ("constraint", 3),
    ("request", 4),
    ("sequence", 5),
    ("sampler", 5),
    ("scheduler", 6),
    ("model", 6),
    ("invariants", 7),
    ("speculation", 7),
    ("kv_tiers", 7),
    ("core", 8),
    ("handle", 9),
    ("checkpoint", 10),
    ("open", 10),
    ("testing", 10),
    ("batching", 11),
    ("bert", 11),
    ("encoder", 12),
    ("classifier", 12),
    ("translator", 12),
    ("lib", 13),
];

#[test]
fn no_arrow_of_the_engine_runs_back_up() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| s.crate_dir() == "engine" && !s.is_test())
    {
        let Some(room) = source.room() else { continue };
        let Some(floor) = floor_of(room) else {
            faults.push(format!(
                "{}: room `{room}` has no floor in this test",
                source.path
            ));
            continue;
        };
        for (number, line) in source.code() {
            for used in rooms_named(line) {
                let Some(other) = floor_of(used) else {
                    continue;
                };
                let ground = floor == 0 && other == 0;
                if used != room && !ground && other >= floor {
                    faults.push(format!("{}:{number}: {room} -> {used}", source.path));
                }
            }
        }
    }
    report("arrows run from the upper floors to the lower", &faults);
}

fn floor_of(room: &str) -> Option<u32> {
    ENGINE_FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

/// The rooms that a line names by `crate::room`.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

/// A1 to A5: words that must not occur in the code of some places.
#[test]
fn rooms_do_not_know_what_they_must_not_know() {
    let pure = |s: &Source| {
        s.crate_dir() == "engine"
            && matches!(
                s.room(),
                Some("scheduler" | "kv_cache" | "sequence" | "batch" | "step_cost")
            )
    };
    let engine = |s: &Source| s.crate_dir() == "engine";
    let no_candle = |s: &Source| {
        !(engine(s)
            && matches!(
                s.room(),
                Some("model" | "kernels" | "collective" | "tensor_parallel" | "bert" | "encoder")
                    | Some("classifier" | "translator")
            ))
    };
    let not_gateway = |s: &Source| matches!(s.crate_dir(), "engine" | "llm-apps");
    let not_error = |s: &Source| s.path != "gateway/src/error.rs";
    // Cargo tells a build script in the environment where to write.
    let not_env = |s: &Source| !s.path.ends_with("/env.rs") && !s.path.ends_with("/build.rs");

    let mut faults = Vec::new();
    let mut forbid = |rule: &str, place: &dyn Fn(&Source) -> bool, words: &[&str]| {
        for source in sources().iter().filter(|s| !s.is_test() && place(s)) {
            for (number, line) in source.code() {
                if let Some(word) = words.iter().find(|word| line.contains(*word)) {
                    faults.push(format!("{rule} {}:{number}: {word}", source.path));
                }
            }
        }
    };
    forbid(
        "A1",
        &pure,
        &[
            "candle",
            "tokio",
            "std::time",
            "std::thread",
            "serde",
            "flume",
            "Instant",
        ],
    );
    forbid("A2", &no_candle, &["candle_"]);
    forbid("A3", &not_gateway, &["axum::", "hyper::", "StatusCode"]);
    // A provider is asked in the words in which this server is.
    let not_upstream =
        |s: &Source| not_gateway(s) && !s.path.starts_with("llm-apps/src/stage/upstream/");
    forbid("A3", &not_upstream, &["async_openai::"]);
    forbid("A3", &not_error, &["StatusCode::"]);
    forbid("A5", &not_env, &["env::var", "env::vars"]);
    report("a room knows too much", &faults);
}

#[test]
fn sampling_params_are_defined_once() {
    let places: Vec<_> = sources()
        .iter()
        .filter(|s| {
            !s.is_test()
                && s.code()
                    .any(|(_, l)| l.ends_with("struct SamplingParams {"))
        })
        .map(|s| s.path.clone())
        .collect();
    assert_eq!(places, ["engine/src/request.rs"], "A4");
}

#[test]
fn manifests_point_from_gateway_to_llm_apps_to_engine() {
    let manifest =
        |member: &str| fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
    let names = |text: &str, dependency: &str| {
        text.lines().any(|l| {
            l.starts_with(&format!("{dependency}.")) || l.starts_with(&format!("{dependency} ="))
        })
    };
    for (member, forbidden) in [
        ("engine", &["llm-apps", "gateway", "axum", "loadtest"][..]),
        ("llm-apps", &["gateway", "axum", "loadtest"]),
        ("gateway", &["loadtest", "candle-core"]),
        ("loadtest", &["engine", "llm-apps", "gateway"]),
    ] {
        for dependency in forbidden {
            assert!(
                !names(&manifest(member), dependency),
                "{member} must not depend on {dependency}"
            );
        }
    }
}
