//! Tests over the public surface: the tables of `cases/`, a second evaluator that is deliberately simple, and what
//! happens to arbitrary input.

mod cases;
mod differential;
mod documents;
mod explain;
mod grant_set;
mod lint;
mod naive;
mod speed;
mod world;
