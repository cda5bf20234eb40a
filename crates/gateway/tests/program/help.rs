//! What the program says of itself.

use crate::support::{folder, run, shown};

#[test]
fn the_help_names_every_command_and_every_argument() {
    let folder = folder("help");
    let commands =
        ["replay", "check", "feedback", "serve", "status", "top", "explain", "report", "alerts"];
    let pages = commands.map(|command| vec![command, "--help"]);
    let pages = [vec![vec!["--help"]], pages.to_vec()].concat();
    let page = |arguments: &Vec<&str>| {
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
