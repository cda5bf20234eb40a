//! Every crate says in its manifest what it is.

use super::{File, Finding};

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let manifests = files.iter().filter(|file| file.name() == "Cargo.toml");
    manifests.filter_map(without_description).collect()
}

fn without_description(file: &File) -> Option<Finding> {
    let (package, _) = file.lines().find(|(_, line)| line.trim() == "[package]")?;
    let section = file.lines().skip(package).take_while(|(_, line)| !line.starts_with('['));
    let describes = |line: &str| {
        let value = line.strip_prefix("description").and_then(|rest| rest.trim().strip_prefix('='));
        value.is_some_and(|value| value.trim().len() > r#""""#.len())
    };
    if section.map(|(_, line)| line).any(describes) {
        return None;
    }
    Some(file.finding(package, "no description; add `description = \"…\"`, one sentence"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, found};
    use super::*;

    #[test]
    fn a_crate_without_a_description_is_found() {
        let files = [
            file("Cargo.toml", "[workspace]\nmembers = []\n"),
            file("crates/a/Cargo.toml", "[package]\nname = \"a\"\ndescription = \"It is a.\"\n"),
            file("crates/b/Cargo.toml", "[package]\nname = \"b\"\ndescription = \"\"\n"),
            file(
                "crates/c/Cargo.toml",
                "# C.\n[package]\nname = \"c\"\n[x]\ndescription = \"x\"\n",
            ),
        ];
        insta::assert_snapshot!(found(check, &files), @r#"
        crates/b/Cargo.toml:1: no description; add `description = "…"`, one sentence
        crates/c/Cargo.toml:2: no description; add `description = "…"`, one sentence
        "#);
    }
}
