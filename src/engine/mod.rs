//! Where the readings of a run come from.

mod local;
