//! What of JSON Schema can be kept, and where a schema asks for more.
//!
//! llguidance refuses keywords that it does not keep; where they stand it does not say, so a schema is
//! walked here first. Annotations are dropped: they change nothing.

use llguidance::derivre::RegexBuilder;
use llguidance::regex_to_lark;
use serde_json::{Map, Value, json};

use super::error::{GrammarError, one_line};

/// Longest schema, in bytes of JSON.
const MAX_BYTES: usize = 128 << 10;
/// Most schemas in one, itself included.
const MAX_SCHEMAS: usize = 5000;
/// Deepest schema within schemas.
const MAX_DEPTH: usize = 64;

/// White space between the parts of an answer, at most so much at a time: without a bound, a model that
/// does not know how to go on writes line breaks until it may write no more.
const WHITE_SPACE: &str = r"[\x20\x0A\x0D\x09]{1,24}";

/// Keywords whose value is a schema.
const ONE: [&str; 3] = ["items", "additionalItems", "additionalProperties"];
/// Keywords whose value is a list of schemas.
const SOME: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
/// Keywords whose value llguidance reads.
const PLAIN: [&str; 16] = [
    "const",
    "enum",
    "type",
    "minItems",
    "maxItems",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "$anchor",
];
/// Keywords that say nothing about an answer's form. `discriminator` stands beside an `anyOf` or `oneOf`
/// that says it all.
const ANNOTATIONS: [&str; 17] = [
    "$schema",
    "$id",
    "id",
    "$comment",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "example",
    "examples",
    "contentMediaType",
    "contentEncoding",
    "discriminator",
    "strict",
    "name",
];
/// Formats of texts that llguidance keeps.
const FORMATS: [&str; 11] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "uri",
    "unknown",
];

/// The schema without its annotations, if all of it can be kept.
///
/// # Errors
/// [`GrammarError::Schema`] names the place, [`GrammarError::TooLarge`] the limit.
pub(super) fn prove(schema: &Value) -> Result<Value, GrammarError> {
    let mut walk = Walk::default();
    let kept = walk.schema(schema, &Path::root())?;
    let size = kept.to_string().len();
    if size > MAX_BYTES {
        return Err(too_large("bytes", size, MAX_BYTES));
    }
    Ok(kept)
}

/// A proved schema as llguidance is given it.
///
/// # Errors
/// None: what was written as JSON is JSON.
pub(super) fn with_options(source: &str) -> Result<Value, GrammarError> {
    let read = serde_json::from_str(source);
    let mut schema: Value = read.map_err(|error| refused(source, error.to_string()))?;
    schema["x-guidance"] = json!({ "whitespace_pattern": WHITE_SPACE });
    Ok(schema)
}

/// What llguidance said of a schema that passed here. It says no place, but some keywords.
pub(super) fn refused(source: &str, reason: String) -> GrammarError {
    let schema: Value = serde_json::from_str(source).unwrap_or_default();
    if reason.contains("oneOf") {
        let path = find(&schema, "oneOf", &Path::root()).unwrap_or_default();
        let reason =
            "oneOf is kept only where no value can fit two of its schemas; use anyOf".to_owned();
        return GrammarError::Schema { path, reason };
    }
    let path = String::new();
    GrammarError::Schema { path, reason }
}

/// Where a schema stands in the whole.
struct Path<'a> {
    above: Option<&'a Path<'a>>,
    segment: &'a str,
}

impl Path<'_> {
    fn root() -> Self {
        Self {
            above: None,
            segment: "",
        }
    }

    fn to<'a>(&'a self, segment: &'a str) -> Path<'a> {
        Path {
            above: Some(self),
            segment,
        }
    }

    fn text(&self) -> String {
        let above = self.above.map(Path::text).unwrap_or_default();
        match above.as_str() {
            "" => self.segment.to_owned(),
            above => format!("{above}.{}", self.segment),
        }
    }

    fn refused<T>(&self, reason: impl Into<String>) -> Result<T, GrammarError> {
        Err(GrammarError::Schema {
            path: self.text(),
            reason: reason.into(),
        })
    }
}

#[derive(Default)]
struct Walk {
    schemas: usize,
    /// Schemas that hold the present one.
    depth: usize,
}

impl Walk {
    fn schema(&mut self, schema: &Value, path: &Path<'_>) -> Result<Value, GrammarError> {
        self.schemas += 1;
        if self.schemas > MAX_SCHEMAS {
            return Err(too_large("schemas", self.schemas, MAX_SCHEMAS));
        }
        if self.depth > MAX_DEPTH {
            return path.refused(format!("schemas are nested more than {MAX_DEPTH} deep"));
        }
        let fields = match schema {
            // A form that anything fits.
            Value::Bool(true) if path.above.is_none() => return Ok(json!({})),
            Value::Bool(_) if path.above.is_some() => return Ok(schema.clone()),
            Value::Object(fields) => fields,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => return path.refused("a schema must be an object"),
        };
        self.depth += 1;
        let mut kept = Map::new();
        for (keyword, value) in fields {
            let path = path.to(keyword);
            if let Some(value) = self.keyword(keyword, value, &path)? {
                kept.insert(keyword.clone(), value);
            }
        }
        self.depth -= 1;
        Ok(Value::Object(kept))
    }

    /// The value of a keyword, if it says something.
    fn keyword(
        &mut self,
        keyword: &str,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<Option<Value>, GrammarError> {
        if keyword.starts_with("x-") && keyword != "x-guidance" || ANNOTATIONS.contains(&keyword) {
            return Ok(None);
        }
        if PLAIN.contains(&keyword) {
            return Ok(Some(value.clone()));
        }
        if SOME.contains(&keyword) || (keyword == "items" && value.is_array()) {
            return self.list(value, path).map(Some);
        }
        if ONE.contains(&keyword) {
            return self.schema(value, path).map(Some);
        }
        if NAMED.contains(&keyword) {
            return self.named(keyword, value, path).map(Some);
        }
        let text = value.as_str();
        match (keyword, text) {
            ("pattern", Some(pattern)) => check_pattern(pattern, path)?,
            ("format", Some(format)) if !FORMATS.contains(&format) => {
                return path.refused(format!(
                    "the format {format:?} is not supported; use one of {}, or a pattern",
                    FORMATS[..10].join(", ")
                ));
            }
            ("$ref", Some(to)) if !to.starts_with('#') => {
                return path.refused(format!("{to:?} is outside of the schema; use #/$defs/..."));
            }
            ("format" | "$ref", Some(_)) => {}
            ("pattern" | "format" | "$ref", None) => return path.refused("must be a string"),
            _ => return path.refused(format!("the keyword {keyword:?} is not supported")),
        }
        Ok(Some(value.clone()))
    }

    fn list(&mut self, value: &Value, path: &Path<'_>) -> Result<Value, GrammarError> {
        let Some(items) = value.as_array() else {
            return path.refused("must be a list of schemas");
        };
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            kept.push(self.schema(item, &path.to(&index.to_string()))?);
        }
        Ok(Value::Array(kept))
    }

    fn named(
        &mut self,
        keyword: &str,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<Value, GrammarError> {
        let Some(schemas) = value.as_object() else {
            return path.refused("must be an object of schemas");
        };
        let mut kept = Map::new();
        for (name, schema) in schemas {
            let path = path.to(name);
            if keyword == "patternProperties" {
                check_pattern(name, &path)?;
            }
            kept.insert(name.clone(), self.schema(schema, &path)?);
        }
        Ok(Value::Object(kept))
    }
}

/// Patterns are those of ECMA 262 as far as automata go: no looking around, no references back.
fn check_pattern(pattern: &str, path: &Path<'_>) -> Result<(), GrammarError> {
    let read = RegexBuilder::new().mk_regex_for_serach(&regex_to_lark(pattern, "dw"));
    match read {
        Ok(_) => Ok(()),
        Err(error) => {
            let reason = one_line(&error.to_string());
            path.refused(format!("the pattern cannot be used: {reason}"))
        }
    }
}

/// The first place of a keyword.
fn find(schema: &Value, keyword: &str, path: &Path<'_>) -> Option<String> {
    match schema {
        Value::Object(fields) if fields.contains_key(keyword) => Some(path.to(keyword).text()),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, value)| find(value, keyword, &path.to(name))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find(item, keyword, &path.to(&index.to_string()))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn too_large(unit: &'static str, size: usize, limit: usize) -> GrammarError {
    GrammarError::TooLarge {
        what: "a schema",
        unit,
        size,
        limit,
    }
}
