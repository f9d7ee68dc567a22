//! What was seen of signed policies, written down by several commands at once.

use std::thread;

use crate::support::Folder;

/// Commands at once; without a lock about half of what they see is lost.
const AT_ONCE: usize = 8;

#[test]
fn what_several_commands_see_at_once_is_all_written_down() {
    let folder = Folder::new("seen-at-once");
    folder.run(["keypair", "new", "release", "--out", "release.jwk"]);
    let keys = folder.run(["keypair", "public", "release.jwk"]).out;
    folder.write("keys.json", keys);
    let names: Vec<String> = (0..AT_ONCE).map(|number| format!("p{number}")).collect();
    for name in &names {
        let file = format!("{name}.yaml");
        let text = format!("stage0: v1\nname: {name}\nversion: 1.0.0\nrules: []\n");
        folder.write(&file, text);
        let signed = folder.run(["policy", "sign", &file, "--key", "release.jwk"]);
        assert_eq!(signed.code, Some(0), "{signed:?}");
    }
    let see = |name: &String| {
        let file = format!("{name}.yaml");
        let words = ["policy", "verify", &file, "--keys", "keys.json"];
        let seen = folder.run(words.iter().chain(&["--seen", "seen.json"]));
        assert_eq!(seen.code, Some(0), "{seen:?}");
    };
    thread::scope(|scope| {
        for name in &names {
            let see = &see;
            scope.spawn(move || see(name));
        }
    });
    let seen = folder.read("seen.json");
    for name in &names {
        assert!(seen.contains(&format!("\"{name}\":")), "{name}: {seen}");
    }
}
