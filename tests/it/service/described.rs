//! docs/openapi.yaml: whether an answer matches its description. Stricter than the standard: an undescribed
//! key is an error, too, of the server or of the description.

use super::fixture::{Answer, Fixture};
use albumen_engine::service::api::{ROUTES, Route};
use serde_json::Value;
use std::sync::OnceLock;

/// The description as JSON.
fn description() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| serde_yaml_ng::from_str(include_str!("../../../docs/openapi.yaml")).unwrap())
}

/// Follows a `$ref`.
fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(to) => {
            resolved(description().pointer(to.strip_prefix('#').unwrap()).expect("a $ref leads somewhere"))
        }
        None => value,
    }
}

/// The description of a requested path; `None`: it is not described.
fn described(path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let asked: Vec<&str> = path.split('/').collect();
    let all = description()["paths"].as_object().unwrap();
    let fits = |template: &&String| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == asked.len() && parts.iter().zip(&asked).all(|(t, a)| t.starts_with('{') || t == a)
    };
    // `/v1/people/merge` is itself, and not the person `merge`.
    let mut found: Vec<&String> = all.keys().filter(fits).collect();
    found.sort_by_key(|t| t.contains('{'));
    found.first().map(|t| &all[t.as_str()])
}

/// Panics if an answer does not match its description.
pub(super) fn check(method: &str, path: &str, answer: &Answer) {
    let Some(operations) = described(path) else {
        assert_eq!(answer.status, 404, "{method} {path} is not described, and is answered");
        return;
    };
    let operation = &operations[method.to_lowercase()];
    if operation.is_null() {
        assert_eq!(answer.status, 405, "{method} {path} is not described, and is answered");
        return;
    }
    let response = resolved(&operation["responses"][answer.status.to_string()]);
    assert!(!response.is_null(), "{method} {path}: {} is not described: {}", answer.status, answer.text);
    let content = &response["content"][&answer.kind];
    assert!(!content.is_null(), "{method} {path} {}: {} is not described", answer.status, answer.kind);
    if answer.kind == "application/json" {
        let mut wrong = Vec::new();
        compare(&content["schema"], &answer.json(), "", &mut wrong);
        assert!(wrong.is_empty(), "{method} {path} {}: {wrong:#?}\nin {}", answer.status, answer.text);
    }
}

/// Panics if an event does not match its description.
pub(super) fn check_event(event: &Value) {
    let mut wrong = Vec::new();
    compare(&description()["components"]["schemas"]["Event"], event, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}\nin {event}");
}

/// Compares a value with a schema: the subset of JSON Schema that the description uses.
pub(super) fn compare(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = resolved(schema);
    for (key, _) in schema.as_object().expect("a schema is an object") {
        let known = [
            "type",
            "enum",
            "const",
            "required",
            "properties",
            "additionalProperties",
            "items",
            "minItems",
            "maxItems",
            "minimum",
            "maximum",
            "pattern",
            "oneOf",
            "allOf",
            "format",
            "description",
            "default",
            "contentEncoding",
        ];
        assert!(known.contains(&key.as_str()), "this test knows nothing of `{key}` in a schema");
    }
    let mut complain = |why: String| wrong.push(format!("{at}: {why}"));
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    };
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|k| is(k.as_str().unwrap())),
        other => panic!("no such type: {other}"),
    };
    if !fits {
        complain(format!("{value} is not of type {}", schema["type"]));
        return;
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        complain(format!("{value} is none of {}", schema["enum"]));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        complain(format!("{value} is not {}", schema["const"]));
    }
    if let (Some(n), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && n < least
    {
        complain(format!("{n} is less than {least}"));
    }
    if let (Some(n), Some(most)) = (value.as_f64(), schema["maximum"].as_f64())
        && n > most
    {
        complain(format!("{n} is more than {most}"));
    }
    if let Some(items) = value.as_array() {
        if schema["maxItems"].as_u64().is_some_and(|m| items.len() as u64 > m)
            || schema["minItems"].as_u64().is_some_and(|m| (items.len() as u64) < m)
        {
            complain(format!("{} things", items.len()));
        }
        for (i, item) in items.iter().enumerate() {
            compare(&schema["items"], item, &format!("{at}/{i}"), wrong);
        }
    } else if let (Some(fields), Some(described)) = (value.as_object(), schema["properties"].as_object()) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                wrong.push(format!("{at}: `{name}` is not there"));
            }
        }
        for (name, value) in fields {
            match described.get(name) {
                Some(schema) => compare(schema, value, &format!("{at}/{name}"), wrong),
                None => wrong.push(format!("{at}: `{name}` is not described")),
            }
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        compare(part, value, at, wrong);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut wrong = Vec::new();
            compare(choice, value, at, &mut wrong);
            wrong.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            wrong.push(format!("{at}: {value} is not exactly one of its kinds"));
        }
    }
}

#[test]
fn what_is_described_is_served_and_what_is_served_is_described() {
    let mut h = Fixture::new();
    h.start();
    for (path, operations) in description()["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().map(|m| m.to_uppercase()) {
            // The stream does not end, and other tests cover reloading and pausing.
            if path == "/v1/events" {
                continue;
            }
            let path = path.replace("{id}", "7");
            let answer = h.ask(&method, &path, None, (method == "POST").then_some("{}"));
            assert!(answer.status != 405 && !answer.text.is_empty(), "{method} {path} is not served");
        }
    }
    for Route { method, path, .. } in ROUTES {
        let operation = &description()["paths"][path][method.to_lowercase()];
        assert!(!operation.is_null(), "docs/openapi.yaml does not describe {method} {path}");
    }
}

#[test]
fn the_comparison_sees_mistakes() {
    let wrong = |value: Value| {
        let mut wrong = Vec::new();
        compare(&description()["components"]["schemas"]["Taken"], &value, "", &mut wrong);
        wrong
    };
    assert!(wrong(serde_json::json!({ "job": 1, "state": "queued" })).is_empty());
    for bad in [
        serde_json::json!({ "job": "1", "state": "queued" }),
        serde_json::json!({ "job": 1, "state": "done" }),
        serde_json::json!({ "job": 1 }),
        serde_json::json!({ "job": 1, "state": "queued", "more": 1 }),
        serde_json::json!([]),
    ] {
        assert!(!wrong(bad.clone()).is_empty(), "{bad}");
    }
}
