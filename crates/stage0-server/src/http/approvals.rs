//! `/approvals`: what waits for people, and their answers.

use stage0_engine::time::Timestamp;
use stage0_store::{PersonsAnswer, TicketStatus, Yes};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use super::answer::json;
use super::body::Body;
use super::{Answer, Call, route};
use crate::service::{Reply, TicketPage};

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
