//! Randomness from the operating system: salts, and names that nobody can guess or meet by chance.

use std::fmt::Write as _;

/// The operating system has none.
#[derive(Debug)]
pub(super) struct NoRandomness;

/// As many bytes as are asked for.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// 64 bits in hexadecimal digits: stream ids, resources, nodes of guests.
pub(super) fn name() -> Result<String, NoRandomness> {
    let mut name = String::with_capacity(16);
    for byte in bytes::<8>()? {
        // writing to a string cannot fail
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
