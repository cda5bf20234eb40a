//! The token that changes need, compared in a time that says nothing of it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::exit::Failure;

/// Where the token may stand, if not in a file.
const VARIABLE: &str = "TIDEGATE_ADMIN_TOKEN";
/// The shortest token: what is shorter can be tried out.
const BYTES_MIN: usize = 16;
/// The longest.
const BYTES_MAX: usize = 1_024;

/// The hash of the token. Hashes have one length, so that not even that of the token can be measured.
#[derive(Clone)]
pub(super) struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token of the file, or of the environment, or a random one; then its text, too, for somebody has to
    /// be told.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] when the file cannot be read or what is given is no token.
    pub(super) fn find(file: Option<&Path>) -> Result<(Self, Option<String>), Failure> {
        let refused = |fault| Failure::Refused(vec![fault]);
        if let Some(file) = file {
            let name = file.display();
            let text =
                read(file).map_err(|error| refused(format!("{name}: cannot be read: {error}")))?;
            let token = Self::of(&text).map_err(|fault| refused(format!("{name}: {fault}")))?;
            return Ok((token, None));
        }
        match std::env::var_os(VARIABLE) {
            Some(text) => {
                let text = text.to_string_lossy();
                let token =
                    Self::of(&text).map_err(|fault| refused(format!("{VARIABLE}: {fault}")));
                Ok((token?, None))
            }
            None => Self::random(),
        }
    }

    /// A token of visible ASCII; blanks around it do not count.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !(BYTES_MIN..=BYTES_MAX).contains(&text.len()) {
            return Err(format!(
                "a token of {} bytes: use {BYTES_MIN} to {BYTES_MAX}, such as `openssl rand -hex 32` prints",
                text.len()
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "a token with blanks or characters beyond ASCII: use letters and digits".to_owned()
            );
        }
        Ok(Self::hashed(text))
    }

    fn random() -> Result<(Self, Option<String>), Failure> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::failed(format!("no token can be drawn: {error}")))?;
        let text = URL_SAFE_NO_PAD.encode(bytes);
        Ok((Self::hashed(&text), Some(text)))
    }

    fn hashed(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether the value of an `Authorization` header brings it.
    pub(super) fn allows(&self, authorization: Option<&str>) -> bool {
        let bearer = authorization.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        bearer.is_some_and(|given| bool::from(Self::hashed(given).0.ct_eq(&self.0)))
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    let bound = u64::try_from(BYTES_MAX * 2).unwrap_or(u64::MAX);
    let mut text = String::new();
    File::open(file)?.take(bound).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_allowed() {
        let token = Token::of(" 0123456789abcdef\n").expect("long enough");
        assert!(token.allows(Some("Bearer 0123456789abcdef")));
        assert!(token.allows(Some("bearer 0123456789abcdef")));
        let wrong = [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("0123456789abcdef"),
            Some("Basic 0123456789abcdef"),
            Some("Bearer 0123456789abcdeF"),
            Some("Bearer 0123456789abcde"),
            Some("Bearer 0123456789abcdef0"),
        ];
        for value in wrong {
            assert!(!token.allows(value), "{value:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn what_is_no_token_is_refused_with_what_to_do() {
        let faults = ["short", "with a blank inside of it", "0123456789abcdeä"]
            .map(|text| Token::of(text).expect_err("it is none"));
        insta::assert_snapshot!(faults.join("\n"), @r"
        a token of 5 bytes: use 16 to 1024, such as `openssl rand -hex 32` prints
        a token with blanks or characters beyond ASCII: use letters and digits
        a token with blanks or characters beyond ASCII: use letters and digits
        ");
        assert!(Token::of(&"x".repeat(BYTES_MAX + 1)).is_err());
    }
}
