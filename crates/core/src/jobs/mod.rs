//! What the service does by itself. Each job is a step that looks at the clock and does what is due.

mod deletion;
