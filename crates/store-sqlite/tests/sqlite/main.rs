//! The tests of the SQLite backend, from outside. One binary: it is also the process that `durability` kills.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod group;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod support;
