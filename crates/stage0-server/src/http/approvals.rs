//! `/approvals`: what waits for people, and their answers.

use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_engine::time::Timestamp;
use stage0_store::{PersonsAnswer, TicketStatus, Yes};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::answer::json;
use super::{Answer, Call, route};
use crate::refusal::Refusal;
use crate::service::{Reply, TicketPage};

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 100_000,
    depth_max: 8,
    nodes_max: 1_000,
};

/// What waits for people, and what did.
pub(super) async fn approvals(call: Call) -> Answer {
    call.only(&route::APPROVALS)?;
    let status = call.said("status").map(|word| {
        TicketStatus::parse(word).ok_or_else(|| {
            let words = TicketStatus::ALL.map(TicketStatus::as_str).join(", ");
            Problem::new(
                ProblemCode::QueryInvalid,
                format!("`status` is one of {words}"),
            )
        })
    });
    let page = TicketPage {
        status: status.transpose()?,
        run: call.parameter("run_id").map(str::to_owned),
        request_id: call.parameter("request_id").map(str::to_owned),
    };
    Ok(json(call.service.tickets(page).await?))
}

/// One of them.
pub(super) async fn approval(call: Call) -> Answer {
    call.only(&route::APPROVAL)?;
    Ok(json(call.service.ticket(&call.tail).await?))
}

/// The one that a deferred request waits for.
pub(super) async fn request(call: Call) -> Answer {
    let body = Body::read(&call, &["request_id"])?;
    let request_id = body
        .text("request_id")?
        .ok_or_else(|| body.missing("request_id"))?;
    Ok(json(call.service.ticket_of(request_id).await?))
}

/// A person's yes.
pub(super) async fn grant(call: Call) -> Answer {
    let body = Body::read(&call, &["by", "roles", "reason", "expires_at", "token"])?;
    let answer = if let Some(token) = body.text("token")? {
        if body.root().len() > 1 {
            return Err(body.wrong("a token says everything itself; nothing else goes with it"));
        }
        Reply::Signed(token)
    } else {
        let expires_at = body.text("expires_at")?.map(|text| {
            let time = Timestamp::parse(&text);
            time.map_err(|_| body.wrong("`expires_at` is a time such as 2026-01-05T10:00:00Z"))
        });
        Reply::Said(PersonsAnswer::Yes(Yes {
            by: body.text("by")?.ok_or_else(|| body.missing("by"))?,
            roles: body.texts("roles")?,
            reason: body.text("reason")?,
            expires_at: expires_at.transpose()?,
        }))
    };
    Ok(json(call.service.answer(&call.tail, answer).await?))
}

/// A person's no.
pub(super) async fn reject(call: Call) -> Answer {
    let body = Body::read(&call, &["by", "roles", "reason"])?;
    let answer = Reply::Said(PersonsAnswer::No {
        by: body.text("by")?.ok_or_else(|| body.missing("by"))?,
        roles: body.texts("roles")?,
        reason: body.text("reason")?,
    });
    Ok(json(call.service.answer(&call.tail, answer).await?))
}

/// A small body, read strictly.
struct Body<'c> {
    document: Document<'c>,
    known: &'static [&'static str],
}

impl<'c> Body<'c> {
    fn read(call: &'c Call, known: &'static [&'static str]) -> Result<Self, Refusal> {
        let document =
            parse(&call.body, &LIMITS).map_err(|error| json_problem("body", &call.body, &error))?;
        let body = Self { document, known };
        if body.root().kind() != Kind::Object {
            return Err(body.wrong("the body is an object"));
        }
        let strange = body.root().members().find(|(key, _)| !known.contains(key));
        match strange {
            Some((key, _)) => Err(body.wrong(&format!("`{key}` means nothing here"))),
            None => Ok(body),
        }
    }

    fn root(&self) -> ValueRef<'_> {
        self.document.root()
    }

    fn wrong(&self, message: &str) -> Refusal {
        let help = format!("there are `{}`", self.known.join("`, `"));
        Problem::new(ProblemCode::BodyInvalid, message)
            .help(help)
            .into()
    }

    fn missing(&self, key: &str) -> Refusal {
        self.wrong(&format!("`{key}` is missing"))
    }

    fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        match self.root().get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(&format!("`{key}` is no text"))),
            },
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, Refusal> {
        let Some(list) = self.root().get(key).filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let texts = list.elements().map(|text| text.as_str().map(str::to_owned));
        let texts: Option<Vec<String>> = texts.collect();
        texts
            .filter(|_| list.kind() == Kind::List)
            .ok_or_else(|| self.wrong(&format!("`{key}` is no list of texts")))
    }
}
