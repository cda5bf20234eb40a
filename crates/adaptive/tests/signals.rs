//! What is said without HTTP, by numbers and in words: SIG-1 to SIG-4.

use std::io;

use proptest::prelude::*;
use tidegate_adaptive::{Observation, Signal};
use tidegate_units::Outcome;

fn message(text: &str) -> Outcome {
    Signal::Message { text }.outcome()
}

fn exit(code: i32, stderr: &str) -> Outcome {
    Signal::Exit { code, stderr: stderr.as_bytes() }.outcome()
}

#[test]
fn sqlite_is_busy_locked_full_or_failed() {
    let outcome = |code| Signal::Sqlite { code }.outcome();
    for (codes, expected) in [
        (&[0, 100, 101][..], Outcome::Ok),
        (&[5, 261, 517, 773, 6, 262, 518, 15], Outcome::Contention),
        (&[7], Outcome::Overloaded),
        (&[9], Outcome::Cancelled),
        (&[13], Outcome::QuotaExhausted),
        (&[1, 8, 10, 14, 19, 2067, 1555, -1], Outcome::Failed),
    ] {
        for code in codes {
            assert_eq!(outcome(*code), expected, "{code}");
        }
    }
    for primary in 0..=0xFF {
        for extension in [1, 2, 3, 31] {
            let extended = primary | extension << 8;
            assert_eq!(outcome(extended), outcome(primary), "SIG-3: {extended}");
        }
    }
}

#[test]
fn databases_with_servers_tell_locks_from_too_many_callers_and_full_disks() {
    let postgres = |sqlstate| Signal::Postgres { sqlstate }.outcome();
    for (states, expected) in [
        (&["00000", "01000", "02000"][..], Outcome::Ok),
        (&["55P03", "40001", "40P01", "55006"], Outcome::Contention),
        (&["53300", "57P03", "53200"], Outcome::Overloaded),
        (&["53100"], Outcome::QuotaExhausted),
        (&["42601", "57014", "08006", "", "00", "0000é", "é0000", "40p01"], Outcome::Failed),
    ] {
        for state in states {
            assert_eq!(postgres(state), expected, "{state}");
        }
    }
    let mysql = |code| Signal::MySql { code }.outcome();
    for (codes, expected) in [
        (&[0][..], Outcome::Ok),
        (&[1205, 1213, 3572], Outcome::Contention),
        (&[1040, 1203], Outcome::Overloaded),
        (&[1021, 1114], Outcome::QuotaExhausted),
        (&[1226], Outcome::RateLimited),
        (&[1317], Outcome::Cancelled),
        (&[1064, 1045, u16::MAX], Outcome::Failed),
    ] {
        for code in codes {
            assert_eq!(mysql(*code), expected, "{code}");
        }
    }
}

#[test]
fn the_operating_system_tells_the_same_by_number_and_by_kind() {
    use io::ErrorKind as Kind;
    for (number, kind, expected) in [
        (4, Some(Kind::Interrupted), Outcome::Cancelled),
        (11, Some(Kind::WouldBlock), Outcome::Contention),
        (16, Some(Kind::ResourceBusy), Outcome::Contention),
        (26, Some(Kind::ExecutableFileBusy), Outcome::Contention),
        (35, Some(Kind::Deadlock), Outcome::Contention),
        (12, Some(Kind::OutOfMemory), Outcome::Overloaded),
        (23, None, Outcome::Overloaded),
        (24, None, Outcome::Overloaded),
        (28, Some(Kind::StorageFull), Outcome::QuotaExhausted),
        (122, Some(Kind::QuotaExceeded), Outcome::QuotaExhausted),
        (104, Some(Kind::ConnectionReset), Outcome::Failed),
        (110, Some(Kind::TimedOut), Outcome::Failed),
        (111, Some(Kind::ConnectionRefused), Outcome::Failed),
        (2, Some(Kind::NotFound), Outcome::Failed),
    ] {
        assert_eq!(Signal::Errno { number }.outcome(), expected, "SIG-4: {number}");
        if let Some(kind) = kind {
            assert_eq!(Signal::Io { kind }.outcome(), expected, "SIG-4: {kind}");
            let seen = Observation::from_io_error(&io::Error::new(kind, "said by nobody"));
            assert_eq!(seen.outcome, expected, "{kind}");
        }
        #[cfg(target_os = "linux")]
        {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Observation::from_io_error(&error).outcome, expected, "{error}");
            let words = error.to_string();
            // What the system prints for a number says no less than the number, where it says anything.
            assert!([expected, Outcome::Failed].contains(&message(&words)), "SIG-4: {words}");
        }
    }
}

#[test]
fn words_mean_what_the_numbers_mean_that_go_with_them() {
    let sqlite = |code| Signal::Sqlite { code }.outcome();
    let postgres = |sqlstate| Signal::Postgres { sqlstate }.outcome();
    let mysql = |code| Signal::MySql { code }.outcome();
    let errno = |number| Signal::Errno { number }.outcome();
    for (said, meant) in [
        ("Error: database is locked (5)", sqlite(5)),
        ("database table is locked: users", sqlite(6)),
        ("database schema is locked: main", sqlite(6)),
        ("locking protocol", sqlite(15)),
        ("database or disk is full", sqlite(13)),
        ("ERROR:  could not obtain lock on row in relation \"t\"", postgres("55P03")),
        ("ERROR:  canceling statement due to lock timeout", postgres("55P03")),
        ("ERROR: could not serialize access due to concurrent update", postgres("40001")),
        ("ERROR:  deadlock detected", postgres("40P01")),
        ("FATAL:  sorry, too many clients already", postgres("53300")),
        ("FATAL: remaining connection slots are reserved for roles", postgres("53300")),
        ("FATAL:  the database system is starting up", postgres("57P03")),
        ("ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting", mysql(1205)),
        ("Deadlock found when trying to get lock", mysql(1213)),
        ("ERROR 1040 (HY000): Too many connections", mysql(1040)),
        ("User 'u' has exceeded the 'max_questions' resource (current: 5)", mysql(1226)),
        ("ERROR 1114 (HY000): The table 't' is full", mysql(1114)),
        ("write: No space left on device", errno(28)),
        ("write: Disk quota exceeded", errno(122)),
        ("flock: Resource temporarily unavailable", errno(11)),
        ("umount: Device or resource busy", errno(16)),
        ("exec: Text file busy", errno(26)),
        ("open: Too many open files in system", errno(23)),
        ("open: Too many open files", errno(24)),
        ("lockf: No locks available", errno(37)),
        ("fork: Cannot allocate memory", errno(12)),
        ("fcntl: Resource deadlock avoided", errno(35)),
    ] {
        assert_eq!(message(said), meant, "SIG-4: {said}");
        assert_ne!(meant, Outcome::Failed, "{said}");
    }
}

#[test]
fn git_says_more_than_its_exit_code() {
    for (said, expected) in [
        (
            "fatal: Unable to create '/srv/r/.git/index.lock': File exists.\n\nAnother git process \
             seems to be running in this repository",
            Outcome::Contention,
        ),
        ("fatal: Unable to create '/srv/r/.git/HEAD.lock': File exists.", Outcome::Contention),
        ("fatal: Unable to create '/srv/r/.git/index.lock': Permission denied", Outcome::Failed),
        (
            "fatal: Unable to create '/srv/r/.git/index.lock': No space left on device",
            Outcome::QuotaExhausted,
        ),
        (
            "error: cannot lock ref 'refs/heads/main': Unable to create '/r/main.lock': File exists.",
            Outcome::Contention,
        ),
        ("error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists", Outcome::Failed),
        (
            "fatal: unable to access 'https://example.org/r.git/': The requested URL returned \
             error: 429",
            Outcome::RateLimited,
        ),
        ("remote: API rate limit exceeded for user", Outcome::RateLimited),
        ("remote: You have exceeded a secondary rate limit.", Outcome::RateLimited),
        ("fatal: unable to access 'https://e/': The requested URL returned error: 503", {
            Outcome::Overloaded
        }),
        ("fatal: unable to access 'https://e/': The requested URL returned error: 404", {
            Outcome::Failed
        }),
        ("The requested URL returned error: 4290, then returned error: 429", Outcome::RateLimited),
        ("The requested URL returned error: 4290", Outcome::Failed),
        ("unable to create 'a'\n.lock'\nfile exists", Outcome::Failed),
        ("fatal: not a git repository", Outcome::Failed),
    ] {
        assert_eq!(exit(128, said), expected, "{said}");
        assert_eq!(exit(0, said), Outcome::Ok, "it was done after all: {said}");
    }
}

#[test]
fn exit_codes_speak_where_words_do_not() {
    for (code, expected) in [
        (0, Outcome::Ok),
        (75, Outcome::Overloaded),
        (124, Outcome::Failed),
        (130, Outcome::Cancelled),
        (137, Outcome::Overloaded),
        (143, Outcome::Cancelled),
        (1, Outcome::Failed),
        (128, Outcome::Failed),
        (-1, Outcome::Failed),
    ] {
        assert_eq!(exit(code, "something else"), expected, "{code}");
    }
    assert_eq!(exit(75, "disk quota exceeded"), Outcome::QuotaExhausted, "SIG-1");
}

#[cfg(unix)]
#[test]
fn a_program_that_was_killed_is_one_with_the_code_of_shells() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    let ended = |raw| Observation::from_exit(ExitStatus::from_raw(raw), b"").outcome;
    assert_eq!(ended(0), Outcome::Ok);
    assert_eq!(ended(9), Outcome::Overloaded);
    assert_eq!(ended(15), Outcome::Cancelled);
    assert_eq!(ended(75 << 8), Outcome::Overloaded);
    assert_eq!(ended(1 << 8), Outcome::Failed);
    let busy = Observation::from_exit(ExitStatus::from_raw(128 << 8), b"Another git process");
    assert_eq!(busy, Observation::new(Outcome::Contention));
}

#[test]
fn only_the_ends_of_a_long_text_are_looked_at() {
    let filler = |length: usize| "x".repeat(length);
    let said = "\ndatabase is locked\n";
    let at = |place: usize| {
        let text = filler(place) + said + &filler(3 * Signal::TEXT_MAX - place);
        message(&text)
    };
    assert_eq!(at(0), Outcome::Contention);
    assert_eq!(at(Signal::TEXT_MAX), Outcome::Failed, "SIG-2");
    assert_eq!(at(3 * Signal::TEXT_MAX), Outcome::Contention);
    // Two ends are never read as one line.
    let torn = filler(4 * 1_024 - 8) + "database" + &filler(Signal::TEXT_MAX);
    let torn = torn + " is locked" + &filler(12 * 1_024 - 10);
    assert_eq!(message(&torn), Outcome::Failed, "SIG-2");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// SIG-1, SIG-2.
    #[test]
    fn whatever_else_is_said_what_is_full_is_full(
        before in ".{0,80}",
        after in prop::sample::select(&[
            "", "\ndatabase is locked", "\nerror: 429", "\nAnother git process", "\ntoo many requests",
        ][..]),
        noise in prop::collection::vec(any::<u8>(), 0..300),
        code in 1_i32..256,
        full in prop::sample::select(&["No space left on device", "DISK QUOTA EXCEEDED"][..]),
    ) {
        let said = [before.as_bytes(), full.as_bytes(), after.as_bytes(), b"\n", &noise].concat();
        let outcome = Signal::Exit { code, stderr: &said }.outcome();
        prop_assert_eq!(outcome, Outcome::QuotaExhausted);
        let noise = Signal::Exit { code, stderr: &noise }.outcome();
        prop_assert_ne!(noise, Outcome::Ok);
    }

    /// Nothing that is not a known word changes what an exit code says.
    #[test]
    fn other_words_say_nothing(text in "[a-z ]{0,40}", sqlstate in ".{0,6}", code in any::<i32>()) {
        prop_assert_eq!(message(&text), Outcome::Failed);
        let _ = Signal::Postgres { sqlstate: &sqlstate }.outcome();
        let _ = Signal::Sqlite { code }.outcome();
        prop_assert_eq!(Signal::Errno { number: code }.outcome() == Outcome::Ok, false);
    }
}
