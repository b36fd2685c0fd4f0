//! A server's end of SASL, for the one account there is.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::ANONYMOUS;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::tools::{derive_keys, hash_password};
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA256};
use rsasl::prelude::{Mechanism, Mechname, Registry, SASLConfig, SASLServer, Session, SessionError, Validation};
use rsasl::property::{AuthId, Password};
use rsasl::validate::{Validate, ValidationError};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::secrets::{PASSWORD, USER};

static MECHANISMS: &[Mechanism] = &[SCRAM_SHA256, SCRAM_SHA1, PLAIN, ANONYMOUS];

const SALT: [u8; 16] = *b"sixteen bytes of";
const ROUNDS: u32 = 4096;

pub struct Exchange(Session<Verdict>);

/// With data in base64.
pub enum Step {
    Challenge(String),
    Success(String),
}

impl Exchange {
    pub fn start(mechanism: &str) -> Self {
        let config = SASLConfig::builder().with_registry(Registry::with_mechanisms(MECHANISMS));
        let server = SASLServer::<Verdict>::new(config.with_callback(Judge).unwrap());
        let name = Mechname::parse(mechanism.as_bytes()).unwrap();
        Self(server.start_suggested(name).unwrap())
    }

    /// Panics where the client does not know the password.
    pub fn step(&mut self, text: &str) -> Step {
        let input = text.trim();
        let mut data = Vec::new();
        let state = self.0.step64(Some(input.as_bytes()), &mut data).expect("a step of SASL");
        let data = String::from_utf8(data).unwrap();
        if state.is_running() {
            return Step::Challenge(data);
        }
        assert_eq!(self.0.validation(), Some(true), "the password");
        Step::Success(data)
    }
}

struct Verdict;

impl Validation for Verdict {
    type Value = bool;
}

struct Judge;

impl SessionCallback for Judge {
    fn callback(&self, session: &SessionData, _: &Context<'_>, request: &mut Request<'_>) -> Result<(), SessionError> {
        let (stored, server) = if session.mechanism().mechanism == SCRAM_SHA1.mechanism {
            let mut salted = Default::default();
            hash_password::<Sha1>(PASSWORD.as_bytes(), ROUNDS, &SALT, &mut salted);
            let (client, server) = derive_keys::<Sha1>(&salted);
            (Sha1::digest(client).to_vec(), server.to_vec())
        } else {
            let mut salted = Default::default();
            hash_password::<Sha256>(PASSWORD.as_bytes(), ROUNDS, &SALT, &mut salted);
            let (client, server) = derive_keys::<Sha256>(&salted);
            (Sha256::digest(client).to_vec(), server.to_vec())
        };
        request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(ROUNDS, &SALT, &stored, &server))?;
        Ok(())
    }

    fn validate(&self, _: &SessionData, context: &Context<'_>, validate: &mut Validate<'_>) -> Result<(), ValidationError> {
        let known = match (context.get_ref::<AuthId>(), context.get_ref::<Password>()) {
            (Some(name), Some(password)) => name == USER && password == PASSWORD.as_bytes(),
            (Some(name), None) => name == USER,
            // a guest
            (None, _) => true,
        };
        validate.with::<Verdict, _>(|| Ok(known))?;
        Ok(())
    }
}
