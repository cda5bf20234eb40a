//! Which names the server answers to.
//!
//! A page on the internet can have its name lead to 127.0.0.1 and then read what a server on this machine
//! answers, as if it were its own (DNS rebinding). The browser still says the name of the page in `Host`.
//! So a server that is for this machine only refuses every name but those of this machine.

use std::net::{IpAddr, SocketAddr};

/// The names that are answered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hosts {
    /// The listener is for others, too: their names for it are not known.
    Any,
    /// Those of this machine, and the one that was configured.
    Loopback { configured: String },
}

impl Hosts {
    /// What a listener on `address` answers to that was configured as `text`.
    pub(super) fn of(address: SocketAddr, text: &str) -> Self {
        if address.ip().is_loopback() {
            Self::Loopback { configured: name(text).to_ascii_lowercase() }
        } else {
            Self::Any
        }
    }

    /// Whether a request with this `Host` is answered.
    pub(super) fn answers(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback { configured } => {
                let name = name(host).to_ascii_lowercase();
                let address = name.trim_start_matches('[').trim_end_matches(']');
                name == *configured
                    || name == "localhost"
                    || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

/// The name in `NAME`, `NAME:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_for_this_machine_answers_to_its_names_only() {
        let hosts = Hosts::of("127.0.0.1:8787".parse().expect("an address"), "tide.test:8787");
        let of_this_machine = [
            "localhost",
            "LocalHost:8787",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]",
            "[::1]:8787",
            "tide.test",
            "TIDE.test:8787",
        ];
        for host in of_this_machine {
            assert!(hosts.answers(host), "{host}");
        }
        let of_others = [
            "",
            "evil.example",
            "evil.example:8787",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:8787",
            "[fe80::1]:8787",
            "tide.test:evil",
        ];
        for host in of_others {
            assert!(!hosts.answers(host), "{host}");
        }
    }

    #[test]
    fn a_listener_for_others_answers_to_every_name() {
        let hosts = Hosts::of("0.0.0.0:8787".parse().expect("an address"), "0.0.0.0:8787");
        assert!(hosts.answers("tidegate.example"));
    }
}
