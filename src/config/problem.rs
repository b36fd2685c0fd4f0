//! What is wrong or unwise in a configuration, and where: `boshd.toml:12: bosh.max_wiat: unknown key; did you mean max_wait?`

use std::fmt;

/// One finding of `boshd check`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub severity: Severity,
    /// `boshd.toml:12`, or the name of an environment variable.
    pub place: String,
    /// `bosh.max_wait`; empty where the file as a whole is meant.
    pub key: String,
    pub text: String,
}

/// May boshd start with it?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Unwise,
    Wrong,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        match self.severity {
            Severity::Unwise => write!(f, "unwise: {}", self.text),
            Severity::Wrong => f.write_str(&self.text),
        }
    }
}

/// A configuration that boshd cannot start with: everything that was found in it, one a line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct ConfigError(pub Vec<Problem>);

/// The candidate that was probably meant, if one is near enough to suggest.
pub(super) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates
        .into_iter()
        .map(|candidate| (distance(written, candidate), candidate));
    let (away, candidate) = near.min_by_key(|(away, _)| *away)?;
    // A third of the letters wrong is a slip; more is another word.
    (away * 3 <= candidate.len().max(written.len())).then_some(candidate)
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// Insertions, removals, replacements and swaps of neighbours that make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let best = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if swapped { best.min(table[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key() {
        let keys = ["path", "max_wait", "max_hold", "inactivity"];
        assert_eq!(nearest("max_wiat", keys), Some("max_wait"));
        assert_eq!(nearest("maxhold", keys), Some("max_hold"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn a_swap_counts_once() {
        assert_eq!(distance("wiat", "wait"), 1);
        assert_eq!(distance("", "wait"), 4);
        assert_eq!(distance("wait", "waits"), 1);
    }
}
