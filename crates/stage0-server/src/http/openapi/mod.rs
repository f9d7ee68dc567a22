//! `/openapi.json`: the routes' own data, and the schemas of what they take and give.

use stage0_wire::ENGINE_VERSION;
use stage0_wire::json_object::{Object, object};

use super::answer::json;
use super::route::{ROUTES, Route, Told};
use super::{Answer, Call};

const SCHEMAS: &str = include_str!("schemas.json");

/// What every route may refuse with.
const ALWAYS: [(u16, &str); 1] = [(
    503,
    "Nothing was decided: the server is busy, or cannot keep what it has to",
)];
/// What a route with a key may refuse with.
const WITH_KEY: [(u16, &str); 2] = [
    (401, "No key, or none that counts"),
    (403, "A key that is not for this"),
];

/// The description of the API.
pub(super) async fn openapi(call: Call) -> Answer {
    Ok(json(description(&call.base())))
}

fn description(base: &str) -> String {
    let mut out = String::new();
    object(&mut out, |root| {
        root.text("openapi", "3.1.0");
        object(root.member("info"), |info| {
            info.text("title", "Stage0");
            info.text("version", ENGINE_VERSION);
            info.text(
                "description",
                "May this agent use this tool, with these arguments, now? ALLOW, DENY or DEFER, with reasons.",
            );
        });
        root.list("servers", [base], |out, base| {
            object(out, |server| server.text("url", base));
        });
        object(root.member("paths"), |paths| {
            let mut done: Vec<&str> = Vec::new();
            for route in ROUTES {
                if done.contains(&route.path) {
                    continue;
                }
                done.push(route.path);
                object(paths.member(route.path), |path| {
                    for route in ROUTES.iter().filter(|other| other.path == route.path) {
                        let method = route.method.to_ascii_lowercase();
                        object(path.member(&method), |operation| tell(operation, route));
                    }
                });
            }
        });
        object(root.member("components"), |components| {
            components.plain("schemas", SCHEMAS.trim());
            object(components.member("securitySchemes"), |schemes| {
                schemes.plain(
                    "key",
                    r#"{"type":"apiKey","in":"header","name":"x-api-key"}"#,
                );
                schemes.plain("bearer", r#"{"type":"http","scheme":"bearer"}"#);
            });
        });
    });
    out
}

fn tell(operation: &mut Object<'_>, route: &Route) {
    operation.text("summary", route.summary);
    let words = route.path.split(|byte: char| !byte.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let id = format!("{}_{}", route.method.to_ascii_lowercase(), words.join("_"));
    operation.text("operationId", &id);
    if let Some(scope) = route.scope {
        operation.text(
            "description",
            &format!("Takes a key with the scope `{scope}`."),
        );
        operation.plain("security", r#"[{"key":[]},{"bearer":[]}]"#);
    } else {
        operation.plain("security", "[]");
    }
    let in_path = route.path.split_once('{');
    let in_path = in_path.and_then(|(_, rest)| rest.split_once('}'));
    let header = (
        "x-request-id",
        "header",
        r#"{"type":"string","maxLength":128,"pattern":"^[!-~]*$"}"#,
        "Names the request; asked again under the same id within ten minutes, the same question has the same answer",
    );
    let path =
        in_path.map(|(name, _)| (name, "path", r#"{"type":"string","minLength":1}"#, "Its id"));
    let query = route.query.iter();
    let query = query.map(|parameter| (parameter.name, "query", parameter.schema, parameter.about));
    let header = route.body.map(|_| header);
    let all = path.into_iter().chain(query).chain(header);
    operation.list("parameters", all, |out, (name, place, schema, about)| {
        object(out, |parameter| {
            parameter.text("name", name);
            parameter.text("in", place);
            parameter.plain("required", place == "path");
            parameter.text("description", about);
            parameter.plain("schema", schema);
        });
    });
    if let Some(body) = route.body {
        object(operation.member("requestBody"), |told| {
            told.plain("required", "true");
            object(told.member("content"), |content| {
                object(content.member("application/json"), |kind| {
                    kind.plain("schema", reference(body));
                });
            });
        });
    }
    object(operation.member("responses"), |responses| {
        object(responses.member("200"), |told| {
            told.text("description", "Done");
            object(told.member("content"), |content| match route.answer {
                Told::Json(name) => object(content.member("application/json"), |kind| {
                    kind.plain("schema", reference(name));
                }),
                Told::Text(kind) => object(content.member(kind), |kind| {
                    kind.plain("schema", r#"{"type":"string"}"#);
                }),
            });
        });
        let with_key = WITH_KEY.iter().filter(|_| route.scope.is_some()).copied();
        let own = route.refuses.iter().map(|status| (*status, what(*status)));
        for (status, what) in with_key.chain(own).chain(ALWAYS) {
            object(responses.member(&status.to_string()), |told| {
                told.text("description", what);
                object(told.member("content"), |content| {
                    object(content.member("application/json"), |kind| {
                        kind.plain("schema", reference("Refusal"));
                    });
                });
            });
        }
    });
}

fn reference(name: &str) -> String {
    format!(r##"{{"$ref":"#/components/schemas/{name}"}}"##)
}

fn what(status: u16) -> &'static str {
    match status {
        402 => "Not part of the plan, or its quota is used up",
        404 => "There is no such thing",
        409 => "It does not fit what was said before",
        413 => "The body is too large",
        415 => "The body is no JSON by its own word",
        422 => "The request is not valid; `problems` says why",
        429 => "Too many in this minute; Retry-After says when",
        _ => "Refused",
    }
}
