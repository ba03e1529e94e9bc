//! The fields about tools: `tools`, `tool_choice` and `parallel_tool_calls`.

use std::collections::HashSet;

use llm_apps::tool_calls::{Tool, ToolChoice, ToolUse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::AsObject;
use super::parse::{required, typed};
use super::wording::check_name;
use crate::error::ApiError;

/// Most tools of one request, as in OpenAI's API.
const MAX_TOOLS: usize = 128;

#[derive(Debug, Deserialize)]
struct Wire {
    tools: Option<Vec<AsObject<WireTool>>>,
    tool_choice: Option<Value>,
    parallel_tool_calls: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct WireTool {
    #[serde(rename = "type")]
    kind: Option<String>,
    function: Option<AsObject<WireFunction>>,
}

#[derive(Debug, Deserialize)]
struct WireFunction {
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Value>,
    strict: Option<bool>,
}

/// The tools that `request` has, and what is to be done with them; `None` where none may be called.
///
/// # Errors
/// Names the field at fault.
pub(super) fn tool_use(request: &Value) -> Result<Option<ToolUse>, ApiError> {
    let wire: Wire = typed(request)?;
    let tools = tools(wire.tools.unwrap_or_default())?;
    let choice = Choice::read(wire.tool_choice.as_ref())?;
    if tools.is_empty() {
        return match choice {
            Choice::Unsaid | Choice::None => Ok(None),
            Choice::Auto | Choice::Required | Choice::Named { .. } => Err(ApiError::invalid(
                "tool_choice",
                "tool_choice needs tools to choose from; give tools, or set it to \"none\"",
            )),
        };
    }
    let all = (0..tools.len()).collect();
    let (choice, callable) = match choice {
        Choice::None => return Ok(None),
        Choice::Unsaid | Choice::Auto => (ToolChoice::Auto, all),
        Choice::Required => (ToolChoice::Required, all),
        Choice::Named { names, choice } => (choice, named(&tools, &names)?),
    };
    let param = match choice {
        ToolChoice::Auto => "tools",
        ToolChoice::Required | ToolChoice::One => "tool_choice",
    };
    Ok(Some(ToolUse {
        tools,
        callable,
        choice,
        parallel: wire.parallel_tool_calls.unwrap_or(true),
        param: param.to_owned(),
    }))
}

fn tools(wire: Vec<AsObject<WireTool>>) -> Result<Vec<Tool>, ApiError> {
    if wire.len() > MAX_TOOLS {
        let count = wire.len();
        let message = format!("tools may have {MAX_TOOLS} entries at most, but has {count}");
        return Err(ApiError::invalid("tools", message));
    }
    let mut names = HashSet::new();
    let mut tools = Vec::with_capacity(wire.len());
    for (index, AsObject(tool)) in wire.into_iter().enumerate() {
        let tool = proved(tool, index)?;
        if !names.insert(tool.name.clone()) {
            let param = format!("tools[{index}].function.name");
            let message = format!(
                "{param}: another tool is called {:?} too; names are unique",
                tool.name
            );
            return Err(ApiError::invalid(param, message));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn proved(tool: WireTool, index: usize) -> Result<Tool, ApiError> {
    let kind_param = format!("tools[{index}].type");
    let kind = required(tool.kind, &kind_param)?;
    if kind != "function" {
        let kind: String = kind.chars().take(40).collect();
        let message = format!("{kind_param} must be \"function\", but is {kind:?}");
        return Err(ApiError::invalid(kind_param, message));
    }
    let AsObject(function) = required(tool.function, &format!("tools[{index}].function"))?;
    let name_param = format!("tools[{index}].function.name");
    let name = required(function.name, &name_param)?;
    check_name(&name, &name_param)?;
    let param = format!("tools[{index}].function.parameters");
    // Without parameters a function takes none.
    let parameters = function
        .parameters
        .unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let kind = parameters.get("type");
    if !parameters.is_object() || kind.is_some_and(|kind| kind != "object") {
        let message =
            format!("{param} must be the schema of an object: {{\"type\": \"object\", ...}}");
        return Err(ApiError::invalid(param, message));
    }
    let mut told = json!({"name": name});
    if let Some(description) = function.description {
        told["description"] = Value::String(description);
    }
    told["parameters"] = parameters.clone();
    Ok(Tool {
        name,
        told: json!({"type": "function", "function": told}),
        parameters,
        strict: function.strict.unwrap_or(false),
        param,
    })
}

/// `tool_choice`.
enum Choice {
    Unsaid,
    None,
    Auto,
    Required,
    /// Some of the tools, each with the field that names it.
    Named {
        names: Vec<(String, String)>,
        choice: ToolChoice,
    },
}

impl Choice {
    fn read(value: Option<&Value>) -> Result<Self, ApiError> {
        let Some(value) = value else {
            return Ok(Self::Unsaid);
        };
        match (value, value.get("type").and_then(Value::as_str)) {
            (Value::String(text), _) => match text.as_str() {
                "none" => Ok(Self::None),
                "auto" => Ok(Self::Auto),
                "required" => Ok(Self::Required),
                _ => Err(unknown()),
            },
            (Value::Object(_), Some("function")) => {
                let param = "tool_choice.function.name".to_owned();
                let name = named_function(value, &param)?;
                Ok(Self::Named {
                    names: vec![(name, param)],
                    choice: ToolChoice::One,
                })
            }
            (Value::Object(_), Some("allowed_tools")) => allowed(value),
            _ => Err(unknown()),
        }
    }
}

/// Some of the tools, one of which may or must be called.
fn allowed(value: &Value) -> Result<Choice, ApiError> {
    const PARAM: &str = "tool_choice.allowed_tools";
    let allowed = value.get("allowed_tools").filter(|v| v.is_object());
    let allowed = required(allowed, PARAM)?;
    let mode = allowed.get("mode").and_then(Value::as_str);
    let choice = match mode {
        Some("auto") => ToolChoice::Auto,
        Some("required") => ToolChoice::Required,
        _ => {
            let message = format!("{PARAM}.mode must be \"auto\" or \"required\"");
            return Err(ApiError::invalid(format!("{PARAM}.mode"), message));
        }
    };
    let param = format!("{PARAM}.tools");
    let tools = required(allowed.get("tools").and_then(Value::as_array), &param)?;
    if tools.is_empty() {
        let message = format!("{param} is empty; name a tool, or set tool_choice to \"none\"");
        return Err(ApiError::invalid(param, message));
    }
    let mut names = Vec::with_capacity(tools.len());
    for (index, tool) in tools.iter().enumerate() {
        let param = format!("{param}[{index}].function.name");
        names.push((named_function(tool, &param)?, param));
    }
    Ok(Choice::Named { names, choice })
}

fn named_function(value: &Value, param: &str) -> Result<String, ApiError> {
    let name = value.pointer("/function/name").and_then(Value::as_str);
    required(name.map(str::to_owned), param)
}

/// The places of the tools that are named.
fn named(tools: &[Tool], names: &[(String, String)]) -> Result<Vec<usize>, ApiError> {
    let mut places = Vec::with_capacity(names.len());
    for (name, param) in names {
        let place = tools.iter().position(|tool| tool.name == *name);
        let Some(place) = place else {
            let name: String = name.chars().take(70).collect();
            let message = format!("{param}: no tool is called {name:?}; name one of tools");
            return Err(ApiError::invalid(param, message));
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

fn unknown() -> ApiError {
    ApiError::invalid(
        "tool_choice",
        "tool_choice must be \"none\", \"auto\", \"required\", {\"type\": \"function\", \"function\": \
         {\"name\": ...}} or {\"type\": \"allowed_tools\", ...}",
    )
}
