//! Runs CEL's conformance suite: `fetch` it, compare with the checked-in score, or `update` that.

use std::io::Write as _;
use std::process::ExitCode;

use stage0_tests::cel;

fn main() -> ExitCode {
    let folder = cel::folder();
    let report = match std::env::args().nth(1).as_deref() {
        Some("fetch") => return answer(&cel::fetch(&folder).map(|()| "fetched\n".to_owned())),
        Some("update") => cel::update(&folder),
        None => cel::check(&folder),
        Some(other) => Err(format!("`{other}` is neither fetch nor update")),
    };
    answer(&report.map(|report| report.score().to_owned()))
}

fn answer(result: &Result<String, String>) -> ExitCode {
    // Nobody is left to tell when the streams are closed.
    let _ = match result {
        Ok(text) => std::io::stdout().write_all(text.as_bytes()),
        Err(text) => writeln!(std::io::stderr(), "{text}"),
    };
    if result.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
