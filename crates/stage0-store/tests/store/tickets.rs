//! Tickets: asked once, answered by people, and gone when their time is over.

use stage0_engine::host::{Answer, Host};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_store::{
    MemoryStore, SqliteStore, StateStore, Ticket, TicketError, TicketId, TicketStatus, Yes,
};
use stage0_wire::{Policy, facts_to_json, parse_request};

use crate::support::{Folder, at, ms, run};

const POLICY: &str = "
stage0: v1
name: desk
version: 1.0.0
tools: { pay: { effects: [], args: { amount: { type: number } } } }
rules:
  - { id: all, allow: true }
  - { id: two, tools: [pay], when: args.amount > 10, approval: { roles: [lead, owner], min: 2, ttl: 4h } }
";

fn open(amount: u32) -> Option<Ticket> {
    let policy = Policy::parse(POLICY).unwrap();
    let text =
        format!(r#"{{"tool_call":{{"id":"c1","name":"pay","arguments":{{"amount":{amount}}}}}}}"#);
    let request = parse_request(text.as_bytes()).unwrap();
    let host = Host {
        request_id: "r-1",
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), ms(0));
    Ticket::open(
        &decision,
        Some(&run("night")),
        &facts_to_json(&decision, None),
        ms(0),
    )
}

pub(crate) fn ticket() -> Ticket {
    open(20).unwrap()
}

pub(crate) fn yes(by: &str) -> Yes {
    Yes {
        by: by.to_owned(),
        roles: vec!["lead".to_owned()],
        ..Yes::default()
    }
}

#[test]
fn a_ticket_says_what_people_are_asked() {
    assert!(open(5).is_none(), "nobody is asked about what is allowed");
    let ticket = ticket();
    assert_eq!(
        (ticket.request_id.as_str(), ticket.call.as_deref()),
        ("r-1", Some("c1"))
    );
    assert_eq!((ticket.tools.len(), ticket.asks.len()), (1, 1));
    let ask = &ticket.asks[0];
    assert_eq!((ask.rule.as_str(), ask.people), ("desk/two", 2));
    assert_eq!(ask.roles, ["lead", "owner"]);
    assert_eq!(ticket.facts, r#"{"args.amount":20}"#);
    assert_eq!(
        ticket.id,
        super::tickets::ticket().id,
        "asking twice asks once"
    );
    let id = |run_name, call| TicketId::of(run_name, call, &ticket.action);
    let night = run("night");
    assert_eq!(id(Some(&night), Some("c1")), ticket.id);
    assert_ne!(id(Some(&night), Some("c2")), ticket.id);
    assert_ne!(id(None, Some("c1")), ticket.id);
}

#[test]
fn as_many_people_as_are_asked_for_say_yes_and_one_says_no() {
    let mut asked = ticket();
    assert_eq!(asked.grant(&yes("ana"), ms(1)), Ok(()));
    assert_eq!(asked.status_at(ms(1)), TicketStatus::Pending);
    assert_eq!(
        asked.grant(&yes("ANA"), ms(2)),
        Err(TicketError::Twice("ANA".to_owned()))
    );
    let support = Yes {
        roles: vec!["support".to_owned()],
        ..yes("bo")
    };
    let roles = vec!["lead".to_owned(), "owner".to_owned()];
    assert_eq!(asked.grant(&support, ms(2)), Err(TicketError::Role(roles)));
    assert_eq!(
        asked.grant(&yes("\u{202e}"), ms(2)),
        Err(TicketError::Text("by"))
    );
    assert_eq!(asked.grant(&yes("bo"), ms(3)), Ok(()));
    assert_eq!(asked.status_at(ms(3)), TicketStatus::Granted);
    assert_eq!(
        asked.grant(&yes("cy"), ms(4)),
        Err(TicketError::Closed(TicketStatus::Granted))
    );
    // Nothing has come of it yet, so somebody may still say no.
    assert_eq!(asked.reject("cy", &[], Some("wait"), ms(5)), Ok(()));
    assert_eq!(
        (asked.status, asked.rejected_by()),
        (TicketStatus::Rejected, Some("cy"))
    );
    assert_eq!(asked.answers.last().unwrap().answer, Answer::Rejected);
    assert!(asked.reject("dan", &[], None, ms(6)).is_err());
    let ids: std::collections::BTreeSet<_> =
        asked.answers.iter().map(|record| &record.id).collect();
    assert_eq!(ids.len(), asked.answers.len(), "each record counts once");
}

#[test]
fn a_ticket_is_kept_as_it_was_in_memory_and_in_a_file() {
    let folder = Folder::new("tickets");
    let stores: [Box<dyn StateStore>; 2] = [
        Box::new(MemoryStore::new()),
        Box::new(SqliteStore::open(&folder.path("runs.db")).unwrap()),
    ];
    for store in stores {
        let mut asked = ticket();
        assert_eq!(asked.put(&store, None), Ok(true));
        assert_eq!(asked.put(&store, None), Ok(false), "somebody was faster");
        let found = Ticket::find(&store, &asked.id).unwrap().unwrap();
        assert_eq!(found.ticket, asked);
        asked.grant(&yes("ana"), ms(1)).unwrap();
        assert_eq!(asked.put(&store, Some(found.version)), Ok(true));
        assert_eq!(asked.put(&store, Some(found.version)), Ok(false));
        assert_eq!(Ticket::list(&store), Ok(vec![asked.clone()]));
        assert!(!asked.to_shown_json(ms(1)).contains("terms\":\"\""));
        // What is over leaves.
        assert_eq!(store.purge(at("2026-01-20T00:00:00Z")), Ok(0));
        assert_eq!(store.purge(at("2026-03-01T00:00:00Z")), Ok(1));
        assert_eq!(Ticket::find(&store, &asked.id), Ok(None));
    }
}

#[test]
fn nobody_answers_what_was_given_up() {
    let mut asked = ticket();
    let late = at("2026-01-12T10:00:00Z");
    let just = Timestamp::from_ms(late.to_ms() - 1).unwrap();
    assert_eq!(asked.status_at(just), TicketStatus::Pending);
    assert_eq!(asked.status_at(late), TicketStatus::Expired);
    let closed = Err(TicketError::Closed(TicketStatus::Expired));
    assert_eq!(asked.grant(&yes("ana"), late), closed);
    assert_eq!(asked.reject("ana", &[], None, late), closed);
}
