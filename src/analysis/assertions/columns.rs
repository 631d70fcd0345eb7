//! The columns of a summary, by their names in its JSON.

use crate::analysis::summary::{Mean, SummaryRow};

/// A column of a summary.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    /// Its value in a row; `None` of no values.
    pub of: fn(&SummaryRow) -> Option<f64>,
}

/// Every column that is a number.
pub const SUMMARY_COLUMNS: &[Column] = &[
    column_of("n", |row| count(row.entropy.count())),
    column_of("readings", |row| count(row.top1_is_output.of)),
    column_of("target_n", |row| count(row.prob.count())),
    column_of("target_readings", |row| count(row.top1_is_target.of)),
    column_of("prob", |row| mean(row.prob)),
    column_of("prob_se", |row| row.prob.standard_error()),
    column_of("surprisal", |row| mean(row.surprisal)),
    column_of("surprisal_se", |row| row.surprisal.standard_error()),
    column_of("entropy", |row| mean(row.entropy)),
    column_of("entropy_se", |row| row.entropy.standard_error()),
    column_of("forward_kl", |row| mean(row.forward_kl)),
    column_of("forward_kl_se", |row| row.forward_kl.standard_error()),
    column_of("top1_is_target", |row| row.top1_is_target.value()),
    column_of("top1_is_target_se", |row| row.top1_is_target.standard_error()),
    column_of("top1_is_target_count", |row| count(row.top1_is_target.count)),
    column_of("target_in_top_k", |row| row.target_in_top_k.value()),
    column_of("target_in_top_k_se", |row| row.target_in_top_k.standard_error()),
    column_of("target_in_top_k_count", |row| count(row.target_in_top_k.count)),
    column_of("top1_is_output", |row| row.top1_is_output.value()),
    column_of("top1_is_output_se", |row| row.top1_is_output.standard_error()),
    column_of("top1_is_output_count", |row| count(row.top1_is_output.count)),
];

/// The column that is called `name`.
pub fn column(name: &str) -> Option<&'static Column> {
    SUMMARY_COLUMNS.iter().find(|column| column.name == name)
}

const fn column_of(name: &'static str, of: fn(&SummaryRow) -> Option<f64>) -> Column {
    Column { name, of }
}

fn count(n: u64) -> Option<f64> {
    Some(n as f64)
}

fn mean(mean: Mean) -> Option<f64> {
    (mean.count() > 0).then(|| mean.mean())
}
