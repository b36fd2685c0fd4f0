//! One SASL exchange as the server sees it (RFC 6120 section 6): ANONYMOUS, PLAIN, SCRAM-SHA-1 and SCRAM-SHA-256.

use std::sync::Arc;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::ANONYMOUS;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA256};
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLConfig, SASLServer, Session, SessionError, Validation};
use rsasl::property::{AuthId, AuthzId, Password};
use rsasl::validate::{Validate, ValidationError};

use super::DOMAIN;
use super::accounts::{Accounts, ROUNDS};
use super::jid::Jid;

/// Mechanisms offered, the strongest first. None binds to a channel: the client's TLS ends before this stream begins.
pub(super) static MECHANISMS: &[Mechanism] = &[SCRAM_SHA256, SCRAM_SHA1, PLAIN, ANONYMOUS];

/// An exchange under way.
pub(super) struct Exchange(Session<Verdict>);

/// What a step comes to; data is in base64.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Step {
    Challenge(String),
    Success { node: String, data: String },
}

/// SASL errors (RFC 6120 section 6.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    Aborted,
    IncorrectEncoding,
    InvalidAuthzid,
    InvalidMechanism,
    MalformedRequest,
    NotAuthorized,
    Temporary,
}

impl Failure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::NotAuthorized => "not-authorized",
            Self::Temporary => "temporary-auth-failure",
        }
    }
}

impl Exchange {
    pub(super) fn start(mechanism: &str, accounts: Arc<Accounts>) -> Result<Self, Failure> {
        let config = SASLConfig::builder()
            .with_registry(Registry::with_mechanisms(MECHANISMS))
            .with_callback(Judge { accounts })
            .map_err(|_| Failure::Temporary)?;
        let name = Mechname::parse(mechanism.as_bytes()).map_err(|_| Failure::InvalidMechanism)?;
        let session = SASLServer::new(config)
            .start_suggested(name)
            .map_err(|_| Failure::InvalidMechanism)?;
        Ok(Self(session))
    }

    /// Takes the text of `<auth/>` or `<response/>`. In `<auth/>`, `=` is an empty first message and nothing is none at all, except
    /// that ANONYMOUS has nothing to say anyway and clients leave it out.
    pub(super) fn step(&mut self, text: &str) -> Result<Step, Failure> {
        let input = match text.trim() {
            "" if self.0.get_mechname() != ANONYMOUS.mechanism => return Ok(Step::Challenge(String::new())),
            "=" => "",
            input => input,
        };
        let mut data = Vec::new();
        let state = self
            .0
            .step64(Some(input.as_bytes()), &mut data)
            .map_err(|error| match error {
                SessionError::Base64 { .. } => Failure::IncorrectEncoding,
                _ => Failure::MalformedRequest,
            })?;
        let data = String::from_utf8(data).map_err(|_| Failure::Temporary)?;
        if state.is_running() {
            return Ok(Step::Challenge(data));
        }
        let node = self.0.validation().unwrap_or(Err(Failure::NotAuthorized))?;
        Ok(Step::Success { node, data })
    }
}

/// What an exchange ends with: the node of the user.
struct Verdict;

impl Validation for Verdict {
    type Value = Result<String, Failure>;
}

/// Answers what the mechanisms ask about accounts.
struct Judge {
    accounts: Arc<Accounts>,
}

impl Judge {
    fn verdict(&self, context: &Context<'_>) -> Result<String, Failure> {
        let node = match (context.get_ref::<AuthId>(), context.get_ref::<Password>()) {
            (Some(name), Some(password)) => self.accounts.log_in(name, password)?,
            // a SCRAM proof that has been verified
            (Some(name), None) => Jid::parse(&format!("{name}@{DOMAIN}"))
                .ok_or(Failure::NotAuthorized)?
                .node()
                .to_owned(),
            (None, _) => self.accounts.guest()?,
        };
        match context.get_ref::<AuthzId>() {
            None | Some("") => Ok(node),
            Some(other) if Jid::parse(other) == Some(Jid::known(&node, DOMAIN)) => Ok(node),
            Some(_) => Err(Failure::InvalidAuthzid),
        }
    }
}

impl SessionCallback for Judge {
    fn callback(&self, session: &SessionData, context: &Context<'_>, request: &mut Request<'_>) -> Result<(), SessionError> {
        let Some(account) = context.get_ref::<AuthId>().and_then(|name| self.accounts.find(name)) else {
            return Ok(());
        };
        let keys = if session.mechanism().mechanism == SCRAM_SHA1.mechanism {
            &account.sha1
        } else {
            &account.sha256
        };
        request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(ROUNDS, &keys.salt, &keys.stored, &keys.server))?;
        Ok(())
    }

    fn validate(&self, _: &SessionData, context: &Context<'_>, validate: &mut Validate<'_>) -> Result<(), ValidationError> {
        validate.with::<Verdict, _>(|| Ok(self.verdict(context)))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rsasl::prelude::SASLClient;

    use super::*;

    fn accounts() -> Arc<Accounts> {
        let accounts = Accounts::new(&["echo"]);
        accounts.log_in("alice", b"secret").unwrap();
        Arc::new(accounts)
    }

    /// Runs a whole exchange with a client of the same library.
    fn log_in(mechanism: &str, name: &str, password: &str) -> Result<String, Failure> {
        let config = SASLConfig::with_credentials(None, name.to_owned(), password.to_owned()).unwrap();
        let offered = Mechname::parse(mechanism.as_bytes()).unwrap();
        let mut client = SASLClient::new(config).start_suggested(&[offered]).unwrap();
        let mut server = Exchange::start(mechanism, accounts())?;
        let mut heard: Option<String> = None;
        loop {
            let mut said = Vec::new();
            client.step64(heard.as_deref().map(str::as_bytes), &mut said).unwrap();
            match server.step(std::str::from_utf8(&said).unwrap())? {
                Step::Challenge(data) => heard = Some(data),
                Step::Success { node, data } => {
                    if mechanism.starts_with("SCRAM") {
                        client.step64(Some(data.as_bytes()), &mut Vec::new()).unwrap();
                    }
                    return Ok(node);
                }
            }
        }
    }

    #[test]
    fn each_mechanism_lets_the_right_password_in() {
        for mechanism in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"] {
            assert_eq!(log_in(mechanism, "alice", "secret"), Ok("alice".to_owned()), "{mechanism}");
            assert_eq!(log_in(mechanism, "demo", "demo"), Ok("demo".to_owned()), "{mechanism}");
            assert_eq!(
                log_in(mechanism, "alice", "wrong"),
                Err(Failure::NotAuthorized),
                "{mechanism}"
            );
        }
        assert_eq!(log_in("PLAIN", "bob", "new"), Ok("bob".to_owned()));
        assert_eq!(log_in("SCRAM-SHA-1", "bob", "new"), Err(Failure::NotAuthorized));
    }

    #[test]
    fn anonymous_needs_no_first_message() {
        for text in ["", "=", "dHJhY2U="] {
            let step = Exchange::start("ANONYMOUS", accounts()).unwrap().step(text).unwrap();
            assert!(matches!(step, Step::Success { node, .. } if node.starts_with("guest-")));
        }
    }

    #[test]
    fn plain_may_wait_to_be_asked_and_name_itself() {
        let plain = |message: &str| {
            let mut exchange = Exchange::start("PLAIN", accounts()).unwrap();
            assert_eq!(exchange.step(""), Ok(Step::Challenge(String::new())));
            exchange.step(message)
        };
        let alice = Ok(Step::Success {
            node: "alice".to_owned(),
            data: String::new(),
        });
        // alice@localhost NUL alice NUL secret
        assert_eq!(plain("YWxpY2VAbG9jYWxob3N0AGFsaWNlAHNlY3JldA=="), alice);
        // bob@localhost NUL alice NUL secret
        assert_eq!(plain("Ym9iQGxvY2FsaG9zdABhbGljZQBzZWNyZXQ="), Err(Failure::InvalidAuthzid));
        assert_eq!(plain("?"), Err(Failure::IncorrectEncoding));
        assert_eq!(plain("YWxpY2U="), Err(Failure::MalformedRequest));
    }

    #[test]
    fn other_mechanisms_are_unknown() {
        for mechanism in ["SCRAM-SHA-256-PLUS", "DIGEST-MD5", "", "plain text"] {
            assert_eq!(
                Exchange::start(mechanism, accounts()).err(),
                Some(Failure::InvalidMechanism),
                "{mechanism}"
            );
        }
    }
}
