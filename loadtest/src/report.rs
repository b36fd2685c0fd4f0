//! The table: one row a figure, medians over the rounds, boshd against the floor of the same run.

use std::fmt::Write;

use crate::message::Faults;
use crate::scenario::{Kind, Measure, Scenario};
use crate::stats::median;

/// All measurements of a scenario: for each subject, one a round.
pub struct Results {
    pub scenario: Scenario,
    pub subjects: Vec<Vec<Measure>>,
    /// Measurements that could not be completed.
    pub failures: u32,
}

impl Results {
    pub fn clean(&self) -> bool {
        self.failures == 0 && self.faults() == Faults::default()
    }

    fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        self.subjects.iter().flatten().for_each(|measure| faults += measure.faults);
        faults
    }

    fn median(&self, subject: usize, figure: usize) -> Option<f64> {
        let measures = self.subjects[subject].iter();
        let values: Vec<f64> = measures.filter_map(|measure| measure.figures[figure]).collect();
        median(&values)
    }
}

/// `names` are the subjects: the floor first, what is judged by it last.
pub fn table(names: &[&str], all: &[Results]) -> String {
    let mut table = format!("| scenario | figure | {} | ratio |", names.join(" | "));
    table.push_str(" lost | doubled | reordered |\n");
    table.push_str(&"|---".repeat(names.len() + 6));
    table.push_str("|\n");
    for results in all {
        for (index, figure) in results.scenario.kind.figures().iter().enumerate() {
            table.push_str(&row(results, index, figure));
        }
    }
    table
}

fn row(results: &Results, index: usize, figure: &str) -> String {
    let mut row = format!("| {} | {figure} |", results.scenario.name);
    let values: Vec<Option<f64>> = (0..results.subjects.len())
        .map(|subject| results.median(subject, index))
        .collect();
    for value in &values {
        row.push_str(&format!(" {} |", number(*value)));
    }
    let ratio = match values[..] {
        [Some(floor), .., Some(judged)] if floor > 0.0 => Some(judged / floor),
        _ => None,
    };
    let Faults {
        lost,
        doubled,
        reordered,
    } = results.faults();
    // Writing to a string cannot fail.
    let _ = writeln!(row, " {} | {lost} | {doubled} | {reordered} |", number(ratio));
    row
}

/// One measurement in words.
pub fn line(kind: Kind, measure: &Measure) -> String {
    let mut line = format!("{:.0}/s", measure.per_second);
    for (figure, value) in kind.figures().iter().zip(&measure.figures) {
        line.push_str(&format!(", {} {figure}", number(*value)));
    }
    line
}

/// Three significant digits, or a dash.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) => {
            let digits = 2 - value.abs().max(1e-6).log10().floor() as i32;
            format!("{value:.*}", digits.clamp(0, 5) as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        assert_eq!(number(Some(0.012345)), "0.0123");
        assert_eq!(number(Some(1.9876)), "1.99");
        assert_eq!(number(Some(1234.5)), "1234");
        assert_eq!(number(Some(0.0)), "0");
        assert_eq!(number(None), "-");
    }
}
