// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What a run was like, for pictures and for judgement.

use crate::Plant;

/// Columns over time.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

/// One moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// s.
    pub time_s: f64,
    /// As many as there are columns.
    pub values: Vec<f64>,
}

impl Recording {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds what `plant` is like now.
    pub fn add(&mut self, plant: &impl Plant) {
        let (columns, values): (Vec<_>, Vec<_>) = plant.columns().into_iter().unzip();
        self.columns = columns;
        self.rows.push(Row { time_s: plant.time_us() as f64 / 1e6, values });
    }

    /// Names with units.
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// All moments in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The values of the column of this name, with their times; nothing if there is no such column.
    pub fn column(&self, name: &str) -> impl Iterator<Item = (f64, f64)> + '_ {
        let index = self.columns.iter().position(|column| *column == name);
        self.rows.iter().filter_map(move |row| Some((row.time_s, *row.values.get(index?)?)))
    }

    /// The same from `from_s` on, without times.
    pub fn since(&self, name: &str, from_s: f64) -> impl Iterator<Item = f64> + '_ {
        self.column(name).filter(move |(time_s, _)| *time_s >= from_s).map(|(_, value)| value)
    }

    /// As comma-separated values with a header.
    pub fn to_csv(&self) -> String {
        let mut text = format!("time s,{}\n", self.columns.join(","));
        for row in &self.rows {
            let values: Vec<String> = row.values.iter().map(f64::to_string).collect();
            text.push_str(&format!("{},{}\n", row.time_s, values.join(",")));
        }
        text
    }
}
