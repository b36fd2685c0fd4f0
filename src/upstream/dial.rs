//! From a target's addresses to a connected socket: which of them may be dialled, and which answers first (RFC 8305).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::permit::Permit;
use super::target::Target;
use crate::net::{self, TcpStream};

/// How long an address is waited for alone before the next is tried beside it (RFC 8305 section 8).
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of one host that are tried.
const ADDRESSES: usize = 8;

/// Those of a target's addresses that may be dialled, IPv6 and IPv4 in turn.
///
/// # Errors
/// None may be.
pub(super) fn allowed(target: &Target, found: Vec<IpAddr>, permit: &Permit) -> io::Result<Vec<SocketAddr>> {
    let sockets = in_turn(found)
        .into_iter()
        .map(|address| SocketAddr::new(address, target.port));
    let allowed: Vec<_> = sockets
        .filter(|address| permit.allows(target, *address))
        .take(ADDRESSES)
        .collect();
    if allowed.is_empty() {
        let text = "its address is not public; upstream.networks can allow it";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(allowed)
}

/// Connects to whichever address answers first; each has a little time of its own before the next one joins in (DN07).
///
/// # Errors
/// None answers: what the last one said.
pub(super) async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = VecDeque::from(addresses);
    let mut attempts = JoinSet::new();
    let mut last = io::ErrorKind::NotFound.into();
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.spawn(net::connect(address));
        }
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last = error,
                Some(Err(lost)) => last = io::Error::other(lost),
                None => return Err(last),
            },
            () = sleep(HEAD_START), if !waiting.is_empty() => {}
        }
    }
}

/// One family after the other, the first one's first.
fn in_turn(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut six, mut four): (VecDeque<_>, VecDeque<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let mut ordered = Vec::with_capacity(six.len() + four.len());
    while !six.is_empty() || !four.is_empty() {
        ordered.extend(six.pop_front());
        ordered.extend(four.pop_front());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    // DN07
    #[test]
    fn families_take_turns() {
        let given = ["10.0.0.1", "10.0.0.2", "::1", "::2", "::3"].map(|text| text.parse().expect("an address"));
        let ordered: Vec<_> = in_turn(given.to_vec()).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]);
    }
}
