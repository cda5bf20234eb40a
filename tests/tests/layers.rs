//! The crates, what each is for and which others it may use, as data.
//!
//! The manifests are held to it, and the table in `docs/ARCHITECTURE.md` is written from it. Whoever
//! adds a crate, or an arrow between two, begins here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// A member of the workspace.
struct Crate {
    folder: &'static str,
    /// What it is for, in a sentence.
    purpose: &'static str,
    may_use: MayUse,
}

/// Which other members may be among a crate's dependencies; those of its tests are its own affair.
enum MayUse {
    Nothing,
    These(&'static [&'static str]),
    /// Every crate that stands above it in the table.
    Above,
}

/// From the bottom up: an arrow leads from a crate to one above it in this list, never the other way.
const CRATES: [Crate; 13] = [
    Crate {
        folder: "units",
        purpose: "The types that numbers travel in (instants, spans, costs, limits) and the \
                  words for what came of a request.",
        may_use: MayUse::Nothing,
    },
    Crate {
        folder: "algorithms",
        purpose: "Counting: whether a cost fits under a limit now, when it would, or that it \
                  never will; lending from a ledger; the gate that callers take from; limits \
                  usable alone, without actors.",
        may_use: MayUse::These(&["units"]),
    },
    Crate {
        folder: "adaptive",
        purpose: "Reading what services answer, and learning how fast, how many at once and how large calls may be.",
        may_use: MayUse::These(&["units"]),
    },
    Crate {
        folder: "observability",
        purpose: "What is counted and told, under which names, what somebody is warned of, and how it is written out.",
        may_use: MayUse::These(&["units"]),
    },
    Crate {
        folder: "scheduler",
        purpose: "The limiter of one service: its queue and who is granted next, as a machine \
                  without a clock and as the actor around it.",
        may_use: MayUse::These(&["units", "algorithms", "adaptive", "observability"]),
    },
    Crate {
        folder: "store",
        purpose: "The little that is written to disk, so that a new process knows what the last \
                  one may have spent.",
        may_use: MayUse::These(&["units", "algorithms"]),
    },
    Crate {
        folder: "config",
        purpose: "TOML and environment variables in; checked limits out, or every mistake with \
                  its line.",
        may_use: MayUse::These(&["units"]),
    },
    Crate {
        folder: "supervisor",
        purpose: "The limits that services share: lends from them to the limiters, and replaces \
                  a limiter that has failed.",
        may_use: MayUse::These(&[
            "units",
            "algorithms",
            "scheduler",
            "store",
            "config",
            "observability",
        ]),
    },
    Crate {
        folder: "tidegate",
        purpose: "The library that a program links: ask for a permit, make the call, settle.",
        may_use: MayUse::Above,
    },
    Crate {
        folder: "simulator",
        purpose: "Traffic and a provider that hides its limits, on virtual time, to try \
                  everything above against.",
        may_use: MayUse::Above,
    },
    Crate {
        folder: "gateway",
        purpose: "The program: runs limiters and shows everything about them over HTTP and in the terminal; replays traffic, \
                  checks configurations, reads what services answered.",
        may_use: MayUse::Above,
    },
    Crate {
        folder: "xtask",
        purpose: "The chores of the repository; runs even while a crate does not compile.",
        may_use: MayUse::Nothing,
    },
    Crate {
        folder: "tests",
        purpose: "Tests and benches of several crates together.",
        may_use: MayUse::Above,
    },
];

const DOCUMENT: &str = "docs/ARCHITECTURE.md";
const BEGIN: &str = "<!-- crates:begin -->";
const END: &str = "<!-- crates:end -->";

impl Crate {
    fn package(&self) -> String {
        match self.folder {
            "tidegate" | "xtask" => self.folder.to_owned(),
            folder => format!("tidegate-{folder}"),
        }
    }

    /// From the root of the repository.
    fn path(&self) -> String {
        match self.folder {
            "tests" | "xtask" => self.folder.to_owned(),
            folder => format!("crates/{folder}"),
        }
    }

    fn allowed(&self) -> BTreeSet<String> {
        let above = CRATES.iter().take_while(|other| other.folder != self.folder);
        let allowed = above.filter(|other| match self.may_use {
            MayUse::Nothing => false,
            MayUse::These(folders) => folders.contains(&other.folder),
            MayUse::Above => true,
        });
        allowed.map(Self::package).collect()
    }

    fn row(&self) -> String {
        let may_use = match self.may_use {
            MayUse::Nothing => "no other".to_owned(),
            MayUse::These(folders) => folders.join(", "),
            MayUse::Above => "all above".to_owned(),
        };
        format!("| [`{}`](../{}) | {} | {may_use} |", self.folder, self.path(), self.purpose)
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn workspace() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo reads the manifests")
}

/// The workspace's packages that `package` builds with; not those that only its tests use.
fn uses(package: &Package) -> BTreeSet<String> {
    let built_with = package.dependencies.iter().filter(|dependency| {
        dependency.path.is_some() && dependency.kind != DependencyKind::Development
    });
    built_with.map(|dependency| dependency.name.clone()).collect()
}

#[test]
fn a_crate_uses_only_what_the_table_lets_it_use() {
    let packages: BTreeMap<_, _> =
        CRATES.iter().map(|one| (one.package(), one.allowed())).collect();
    let mut wrong = Vec::new();
    for package in workspace().workspace_packages() {
        let name = package.name.to_string();
        match packages.get(&name) {
            None => wrong.push(format!("{name} is not in the table")),
            Some(allowed) => wrong.extend(
                uses(package).difference(allowed).map(|used| format!("{name} may not use {used}")),
            ),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_only_arrows_that_lead_up_in_it() {
    for one in &CRATES {
        if let MayUse::These(folders) = one.may_use {
            let reached = one.allowed().len();
            assert_eq!(reached, folders.len(), "{} names a crate that is not above", one.folder);
        }
    }
}

#[test]
fn folders_and_packages_carry_the_same_names() {
    let workspace = workspace();
    let expected: BTreeMap<_, _> = CRATES.iter().map(|one| (one.path(), one.package())).collect();
    let found: BTreeMap<_, _> = workspace
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let folder = package.manifest_path.parent().expect("a manifest is in a folder");
            let folder = folder.strip_prefix(&workspace.workspace_root).expect("it is a member");
            (folder.as_str().replace('\\', "/"), package.name.to_string())
        })
        .collect();
    assert_eq!(found, expected, "left is on disk, right is in the table");
}

fn generated() -> String {
    let mut table = "| Crate | What it is for | May use |\n|---|---|---|\n".to_owned();
    for one in &CRATES {
        writeln!(table, "{}", one.row()).expect("a string takes everything");
    }
    format!("{BEGIN}\n\n{table}\n{END}")
}

/// The document with the table of today, if it has the marks that the table goes between.
fn updated(document: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{}{after}", generated()))
}

#[test]
fn the_table_in_the_document_is_this_one() {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{DOCUMENT} holds the table of crates, but: {error}"));
    let updated = updated(&document).unwrap_or_else(|| {
        panic!("{DOCUMENT} has no place for the table of crates; add the lines {BEGIN} and {END}")
    });
    if updated != document {
        fs::write(&path, updated).expect("the document can be written");
        panic!("the table of crates in {DOCUMENT} was stale; it is rewritten now, run this again");
    }
}

#[test]
fn only_what_stands_between_the_marks_is_rewritten() {
    let expected = format!("# A\n\n{}\n\nrest\n", generated());
    let stale = format!("# A\n\n{BEGIN}\nold\n{END}\n\nrest\n");
    assert_eq!(updated(&stale).as_deref(), Some(expected.as_str()));
    assert_eq!(updated(&expected).as_deref(), Some(expected.as_str()));
    assert_eq!(updated("# A\n"), None);
}
