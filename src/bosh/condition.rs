//! Terminal binding conditions (XEP-0124 section 17.2) and the three that legacy clients expect as HTTP codes (section 17.1).

use super::Version;

/// Why a session, or the attempt to make one, ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Condition {
    BadRequest,
    HostGone,
    HostUnknown,
    ImproperAddressing,
    InternalServerError,
    ItemNotFound,
    OtherRequest,
    PolicyViolation,
    RemoteConnectionFailed,
    RemoteStreamError,
    SeeOtherUri,
    SystemShutdown,
    UndefinedCondition,
}

impl Condition {
    /// The value of the `condition` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::HostGone => "host-gone",
            Self::HostUnknown => "host-unknown",
            Self::ImproperAddressing => "improper-addressing",
            Self::InternalServerError => "internal-server-error",
            Self::ItemNotFound => "item-not-found",
            Self::OtherRequest => "other-request",
            Self::PolicyViolation => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::RemoteStreamError => "remote-stream-error",
            Self::SeeOtherUri => "see-other-uri",
            Self::SystemShutdown => "system-shutdown",
            Self::UndefinedCondition => "undefined-condition",
        }
    }

    /// Itself, where a client that sent no `ver` expects an HTTP code instead (section 17.1). Which code is `front/reply`'s business.
    pub fn legacy(self, ver: Option<Version>) -> Option<Self> {
        let has_code = matches!(self, Self::BadRequest | Self::PolicyViolation | Self::ItemNotFound);
        (ver.is_none() && has_code).then_some(self)
    }
}
