//! What the program says of itself.

use crate::support::{folder, run, shown};

#[test]
fn the_help_names_every_command_and_every_argument() {
    let folder = folder("help");
    let pages =
        [&["--help"][..], &["replay", "--help"], &["check", "--help"], &["feedback", "--help"]];
    let page = |arguments: &&[&str]| {
        format!("$ tidegate {}\n{}", arguments.join(" "), shown(&run(&folder, arguments)))
    };
    insta::assert_snapshot!(pages.iter().map(page).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_argument_that_is_not_known_is_refused() {
    let folder = folder("unknown-argument");
    let pages = [&[][..], &["serve-all"], &["replay", "--sed", "1"], &["check"]];
    for arguments in pages {
        assert_eq!(run(&folder, arguments).status.code(), Some(2), "{arguments:?}");
    }
}
