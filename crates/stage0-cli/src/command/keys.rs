//! `stage0 keys`: who may ask a server.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stage0_engine::time::{Duration, Timestamp};
use stage0_server::limits::PLANS_BYTES_MAX;
use stage0_server::{Plans, UNLIMITED};
use stage0_store::{ApiKey, KEY_RANDOM_BYTES, Scope, SqliteStore, is_key_name};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::{list, object};
use stage0_wire::problem::Problem;

use crate::exit::{Exit, Failure};
use crate::input::{name_of, now, read, unreadable};
use crate::output::{Format, print, tell};
use crate::paint::{BAD, FAINT, GOOD, NAME, TITLE, paint};
use crate::runs::problems;
use crate::secret::random_bytes;
use crate::table::write_rows;

/// Make, list and revoke the keys that a server asks for
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "A key is shown once, when it is made; the file has only a digest of it. A server that runs takes a new \
key at once, and stops taking a revoked one within a second or two.

Examples:
  stage0 keys create support-agents
  stage0 keys create approvals-bot --scope read,approve
  stage0 keys revoke 5f0c2a9be871"
)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Make a key, and show it
    Create(Create),
    /// List keys, without what opens anything
    List(ListKeys),
    /// Take a key back
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct File {
    /// The file of the server
    #[arg(long, value_name = "FILE", default_value = "stage0.db")]
    db: PathBuf,
}

#[derive(Debug, Args)]
struct Create {
    /// What to call it, such as support-agents
    #[arg(value_name = "NAME", value_parser = parse_name)]
    name: String,

    #[command(flatten)]
    file: File,

    /// What it may be used for: check, read, approve, admin
    #[arg(
        long,
        value_name = "SCOPES",
        value_delimiter = ',',
        default_value = "check",
        value_parser = parse_scope
    )]
    scope: Vec<Scope>,

    /// The plan that counts its decisions
    #[arg(long, value_name = "PLAN", default_value = UNLIMITED)]
    plan: String,

    /// The plans that there are, as `stage0 serve --plans` has them
    #[arg(long, value_name = "FILE")]
    plans: Option<PathBuf>,

    /// How long it counts, such as 90d; until it is revoked if left out
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expires: Option<Duration>,
}

#[derive(Debug, Args)]
struct ListKeys {
    #[command(flatten)]
    file: File,

    /// The form of the list: text or json
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true
    )]
    format: Format,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The key's id
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    file: File,
}

fn parse_name(text: &str) -> Result<String, String> {
    if is_key_name(text) {
        return Ok(text.to_owned());
    }
    let most = stage0_store::limits::KEY_NAME_BYTES_MAX;
    Err(format!(
        "a name has 1 to {most} bytes and no invisible characters"
    ))
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "the scopes are check, read, approve and admin".to_owned())
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = Duration::parse_with_days(text).map_err(|error| error.to_string())?;
    if duration > Duration::ZERO {
        Ok(duration)
    } else {
        Err("it would never count".to_owned())
    }
}

impl Keys {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.verb {
            KeysVerb::Create(create) => create.run(),
            KeysVerb::List(list) => list.run(),
            KeysVerb::Revoke(revoke) => revoke.run(),
        }
    }
}

impl Create {
    fn run(mut self) -> Result<Exit, Failure> {
        let plans = match &self.plans {
            None => Plans::default(),
            Some(path) => Plans::parse(&name_of(path), &read(path, PLANS_BYTES_MAX)?)?,
        };
        if plans.get(&self.plan).is_none() {
            let known: Vec<&str> = plans.names().collect();
            let message = format!("there is no plan `{}`", self.plan);
            return Err(Problem::new(ProblemCode::PlanInvalid, message)
                .help(format!(
                    "there are `{}`; --plans names a file with others",
                    known.join("`, `")
                ))
                .into());
        }
        self.scope.sort_unstable();
        self.scope.dedup();
        let now = now()?;
        let ends = self.expires.map(|expires| now.checked_add(expires));
        let ends = ends.transpose().map_err(|error| {
            Problem::new(ProblemCode::HostInvalid, format!("--expires: {error}"))
        })?;
        let random = random_bytes::<KEY_RANDOM_BYTES>()?;
        let (key, shown) = ApiKey::make(&random, &self.name, self.scope, &self.plan, now, ends);
        let store = SqliteStore::open(&self.file.db).map_err(problems)?;
        store.add_key(&key).map_err(problems)?;
        tell(&format!(
            "{}: for {}, plan {}, {}\nKeep it now, it is not shown again:\n",
            paint(NAME, &key.name),
            words(&key),
            key.plan,
            key.ends.map_or_else(
                || "until it is revoked".to_owned(),
                |ends| format!("until {ends}")
            ),
        ));
        print(&format!("{shown}\n"))?;
        Ok(Exit::Success)
    }
}

fn words(key: &ApiKey) -> String {
    let words: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(", ")
}

/// Opens a file that is there.
fn open(path: &Path) -> Result<SqliteStore, Vec<Problem>> {
    if !path.exists() {
        let missing = unreadable(path, &std::io::ErrorKind::NotFound.into());
        return Err(vec![
            missing.help("`stage0 serve` and `stage0 keys create` make it"),
        ]);
    }
    SqliteStore::open(path).map_err(problems)
}

impl ListKeys {
    fn run(self) -> Result<Exit, Failure> {
        let keys = open(&self.file.db)?.keys().map_err(problems)?;
        let now = now()?;
        print(&match self.format {
            Format::Json => json(&keys, now) + "\n",
            _ if keys.is_empty() => "There is no key.\n".to_owned(),
            _ => text(&keys, now),
        })?;
        Ok(Exit::Success)
    }
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    match (key.revoked, key.counts_at(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "counts",
        (None, false) => "ended",
    }
}

fn text(keys: &[ApiKey], now: Timestamp) -> String {
    let title = |text: &str| paint(TITLE, text);
    let mut rows = vec![
        ["ID", "NAME", "STATE", "SCOPES", "PLAN", "MADE"]
            .map(title)
            .to_vec(),
    ];
    rows.extend(keys.iter().map(|key| {
        let state = state(key, now);
        let style = if state == "counts" { GOOD } else { BAD };
        vec![
            key.id.clone(),
            paint(NAME, &key.name),
            paint(style, state),
            words(key),
            key.plan.clone(),
            paint(FAINT, &key.made.to_string()),
        ]
    }));
    let mut out = String::new();
    write_rows(&mut out, 0, &rows);
    out
}

fn json(keys: &[ApiKey], now: Timestamp) -> String {
    let mut out = String::new();
    list(&mut out, keys, |out, key| {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        object(out, |told| {
            told.text("id", &key.id);
            told.text("name", &key.name);
            told.text("state", state(key, now));
            told.texts("scopes", key.scopes.iter().map(|scope| scope.as_str()));
            told.text("plan", &key.plan);
            told.text("made_at", &key.made.to_string());
            told.optional("expires_at", time(key.ends).as_deref());
            told.optional("revoked_at", time(key.revoked).as_deref());
        });
    });
    out
}

impl Revoke {
    fn run(self) -> Result<Exit, Failure> {
        let store = open(&self.file.db)?;
        if store.revoke_key(&self.id, now()?).map_err(problems)? {
            print(&format!("{}: revoked\n", self.id))?;
            return Ok(Exit::Success);
        }
        let known = store.key(&self.id).map_err(problems)?;
        let (message, help) = match known {
            Some(_) => (
                format!("`{}` was revoked before", self.id),
                "nobody can use it",
            ),
            None => (
                format!("there is no key `{}`", self.id),
                "`stage0 keys list` has their ids",
            ),
        };
        Err(Problem::new(ProblemCode::NothingFound, message)
            .help(help)
            .into())
    }
}
