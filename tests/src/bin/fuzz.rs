//! Fuzzing on stable: `fuzz doors SECONDS [SEED]` sends mutated texts through every door, `fuzz samples`
//! lays out the texts that fuzzing guided by coverage begins from.

#![expect(clippy::print_stdout, reason = "what it prints is what it is run for")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use stage0_tests::fuzz::drive::{SEED, drive};
use stage0_tests::fuzz::samples::{DOORS, Door};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["doors", seconds] => doors(seconds, None),
        ["doors", seconds, seed] => doors(seconds, Some(seed)),
        ["samples"] => samples(),
        _ => Err("usage: fuzz doors SECONDS [SEED] | samples".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            println!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

fn doors(seconds: &str, seed: Option<&str>) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    let time = Duration::from_secs(number(seconds)?);
    let seed = seed.map_or(Ok(SEED), number)?;
    for door in DOORS {
        println!("{}", drive(door, seed, u64::MAX, time)?);
    }
    Ok(())
}

fn samples() -> Result<(), String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for Door { name, samples, .. } in DOORS {
        let folder = corpus.join(name);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for (number, sample) in samples().iter().enumerate() {
            let path = folder.join(format!("sample-{number:04}"));
            fs::write(path, sample).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
