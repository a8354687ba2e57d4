//! Futures in boxes, without copies.

use std::pin::Pin;

/// Boxes what `make` makes where it will stay. `Box::pin` makes it on the stack first and copies it, which for the
/// future of a whole call is kilobytes.
pub fn box_in_place<T>(make: impl FnOnce() -> T) -> Pin<Box<T>> {
    let place = Box::new_uninit();
    Box::into_pin(Box::write(place, make()))
}
