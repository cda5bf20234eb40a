//! Words that have no place here: marks of unfinished work, and words that say nothing or do not last.

use super::{File, Finding};

/// This file, which has to name them.
const HERE: &str = "xtask/src/tidy/words.rs";

/// In sources: what to do instead.
const MARKS: [(&str, &str); 6] = [
    ("todo!", "write it, or leave the function out"),
    ("unimplemented!", "write it, or make the case impossible in the type"),
    ("dbg!", "take it out"),
    ("#[ignore", "make the test fast and certain, or take it out"),
    ("#[allow(", "mend it, or say why with `#[expect(…, reason = \"…\")]`"),
    ("#![allow(", "mend it, or say why with `#[expect(…, reason = \"…\")]`"),
];

/// In sources and documents, exactly so: what to do instead.
const UNFINISHED: [(&str, &str); 3] = [
    ("TODO", "do it, or write it where plans are kept"),
    ("FIXME", "mend it, or say in a sentence what does not work"),
    ("XXX", "say in a sentence what is wrong"),
];

/// In sources and documents, in any case: what to write instead.
const WORDS: [(&str, &str); 9] = [
    ("issue #", "say what was wrong; the number means nothing outside its tracker"),
    ("pull request #", "say what changed; the number means nothing outside its tracker"),
    ("lorem ipsum", "write the text"),
    ("/home/", "a path of one machine; make it relative"),
    ("whitelist", "write `allow list`"),
    ("blacklist", "write `deny list`"),
    ("blazing", "write the number"),
    ("seamless", "say what happens"),
    ("utilize", "write `use`"),
];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|file| file.path != HERE).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let source = file.is("rs");
    if !source && !["md", "toml", "yml", "yaml"].iter().any(|kind| file.is(kind)) {
        return Vec::new();
    }
    let found = |(number, line): (usize, &str)| {
        let lower = line.to_lowercase();
        let marks = MARKS.iter().filter(|(word, _)| source && holds(line, word));
        let unfinished = UNFINISHED.iter().filter(|(word, _)| holds(line, word));
        let words = WORDS.iter().filter(|(word, _)| holds(&lower, word));
        let all = marks.chain(unfinished).chain(words);
        all.map(|(word, instead)| file.finding(number, format!("`{word}`; {instead}")))
            .collect::<Vec<_>>()
    };
    file.lines().flat_map(found).collect()
}

/// Whether `line` holds `word` and not just as a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let whole = |edge: Option<char>, beyond: Option<char>| {
            !(edge.is_some_and(joins) && beyond.is_some_and(joins))
        };
        whole(word.chars().next(), before) && whole(word.chars().next_back(), after)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{file, found};
    use super::*;

    #[test]
    fn every_word_of_the_tables_is_found() {
        for (word, instead) in MARKS.iter().chain(&UNFINISHED).chain(&WORDS) {
            let files = [file("src/a.rs", format!("//! A.\n\nfirst {word} last\n"))];
            let expected = format!("src/a.rs:3: `{word}`; {instead}");
            assert_eq!(found(check, &files), expected);
        }
    }

    #[test]
    fn documents_may_speak_of_marks_but_not_be_unfinished() {
        let files = [file("docs/a.md", "No `dbg!` is left.\nTODO: the rest.\nIt is Seamless.\n")];
        insta::assert_snapshot!(found(check, &files), @"
        docs/a.md:2: `TODO`; do it, or write it where plans are kept
        docs/a.md:3: `seamless`; say what happens
        ");
    }

    #[test]
    fn a_part_of_a_longer_word_is_not_the_word() {
        for line in ["mastodons", "TODOS_SEEN", "do_todo!", "trailblazing", "seamlessly"] {
            let files = [file("src/a.rs", line)];
            assert_eq!(found(check, &files), "", "{line}");
        }
    }

    #[test]
    fn other_files_are_not_read() {
        assert_eq!(found(check, &[file("LICENSE", "TODO"), file("a.csv", "TODO")]), "");
    }
}
