//! One table for all checks.

use crate::gateway::Engine;

/// What one check found on one database.
pub struct Row {
    name: &'static str,
    engine: String,
    measured: String,
    /// Broken promises, in words.
    pub broken: Vec<String>,
    found: usize,
    missed: Vec<String>,
}

impl Row {
    /// A check that has measured something.
    pub fn new(name: &'static str, engine: &Engine, measured: String) -> Self {
        Self { name, engine: engine.to_string(), measured, broken: Vec::new(), found: 0, missed: Vec::new() }
    }

    /// Notes whether a planted fault was found.
    pub fn control(&mut self, name: &str, is_found: bool) {
        if is_found {
            self.found += 1;
        } else {
            self.missed.push(name.to_owned());
        }
    }

    /// Whether nothing is broken and every planted fault was found, of which there must be one.
    pub fn is_good(&self) -> bool {
        self.broken.is_empty() && self.missed.is_empty() && self.found > 0
    }

    fn cells(&self) -> [String; 5] {
        let controls = format!("{}/{}", self.found, self.found + self.missed.len());
        let broken = self.broken.len().to_string();
        [self.name.to_owned(), self.engine.clone(), broken, controls, self.measured.clone()]
    }
}

/// The table, and below it what is wrong.
pub fn table(rows: &[Row]) -> String {
    let head = ["check", "database", "broken", "controls found", "measured"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    for row in rows {
        for broken in row.broken.iter().take(10) {
            text.push_str(&format!("{}, {}: {broken}\n", row.name, row.engine));
        }
        for missed in &row.missed {
            text.push_str(&format!("{}, {}: not found although planted: {missed}\n", row.name, row.engine));
        }
    }
    let (found, missed) =
        rows.iter().fold((0, 0), |(found, missed), row| (found + row.found, missed + row.missed.len()));
    text.push_str(&format!("controls found {found}/{}\n", found + missed));
    text
}
