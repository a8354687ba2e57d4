//! What each thread has of its own, so that no two write to the same line of the processor's cache: between cores, one
//! such line costs more than all else that a counter or a lock does.
//!
//! No value is a thread-local variable. Whoever owns a [`PerThread`] reaches the values of all threads, to add them up or
//! to take something out of each.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// One value for each thread, as long as there are no more threads than places: then several share one. So values are
/// protected as any shared ones are.
pub struct PerThread<T> {
    first: Apart<T>,
    others: Box<[Apart<T>]>,
}

/// On lines of its own; processors fetch lines in pairs.
#[repr(align(128))]
struct Apart<T>(T);

/// Which of the values: the same for a thread until its very end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

/// How many places there usually are: one for each core's thread that serves, and as many for all others.
pub(crate) fn usual_places() -> usize {
    2 * thread::available_parallelism().map_or(1, usize::from) + 2
}

impl<T> PerThread<T> {
    /// That many values, each from `make`.
    pub fn new(make: impl FnMut() -> T) -> Self {
        Self::with_places(usual_places(), make)
    }

    pub(crate) fn with_places(places: usize, mut make: impl FnMut() -> T) -> Self {
        Self { first: Apart(make()), others: (1..places).map(|_| Apart(make())).collect() }
    }

    /// This thread's place.
    pub fn place(&self) -> Place {
        Place(Seat::number() % (self.others.len() + 1))
    }

    /// The value at `place`.
    pub fn at(&self, Place(number): Place) -> &T {
        let Apart(value) = number.checked_sub(1).and_then(|at| self.others.get(at)).unwrap_or(&self.first);
        value
    }

    /// This thread's value.
    pub fn mine(&self) -> &T {
        self.at(self.place())
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.first].into_iter().chain(&self.others).map(|Apart(value)| value)
    }
}

/// A thread's number: the lowest that no other thread has, given back at the thread's end.
struct Seat(usize);

static TAKEN: Mutex<Vec<bool>> = Mutex::new(Vec::new());

thread_local! {
    static SEAT: Seat = Seat::take();
}

impl Seat {
    /// This thread's number; any will do for what runs at the very end of a thread.
    fn number() -> usize {
        SEAT.try_with(|seat| seat.0).unwrap_or_default()
    }

    fn take() -> Self {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let free = taken.iter().position(|taken| !taken);
        let number = free.unwrap_or(taken.len());
        match taken.get_mut(number) {
            Some(place) => *place = true,
            None => taken.push(true),
        }
        Self(number)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = taken.get_mut(self.0) {
            *place = false;
        }
    }
}

/// An `Arc` that counts its holders apart for each thread that made it its own, as a cache does for whoever looks there:
/// copies of it cost other threads nothing.
#[derive(Debug)]
#[expect(clippy::redundant_allocation, reason = "the outer count is what each thread has of its own")]
pub struct Local<T>(Arc<Arc<T>>);

impl<T> Local<T> {
    /// Shared from now on.
    pub fn new(value: T) -> Self {
        Self(Arc::new(Arc::new(value)))
    }
}

impl<T> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Local<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What a thread can make its own, before it makes copies.
pub trait Own: Clone {
    /// The same, for one thread: a copy like any other, for what is copied rarely or has no count.
    #[must_use]
    fn own(&self) -> Self {
        self.clone()
    }
}

impl<T> Own for Arc<T> {}

impl Own for () {}

impl<T> Own for Local<T> {
    fn own(&self) -> Self {
        Self(Arc::new(Arc::clone(&self.0)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    use super::*;

    #[test]
    fn threads_that_live_together_have_values_of_their_own() {
        let counts = PerThread::with_places(4_096, AtomicUsize::default);
        let all_are_here = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    counts.mine().fetch_add(1, Relaxed);
                    all_are_here.wait();
                    assert_eq!(counts.mine().load(Relaxed), 1);
                });
            }
        });
        assert_eq!(counts.iter().map(|count| count.load(Relaxed)).sum::<usize>(), 4);
    }

    #[test]
    fn a_thread_keeps_its_place_and_more_threads_than_places_share() {
        let one = PerThread::with_places(1, AtomicUsize::default);
        let many = PerThread::with_places(8, AtomicUsize::default);
        assert_eq!((one.iter().count(), many.iter().count()), (1, 8));
        assert_eq!(many.place(), many.place());
        assert!(std::ptr::eq(many.mine(), many.at(many.place())));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| one.mine().fetch_add(1, Relaxed));
            }
        });
        assert_eq!(one.mine().load(Relaxed), 3);
    }

    #[test]
    fn own_copies_share_the_value_and_not_the_count() {
        let first = Local::new(7);
        let own = first.own();
        let _more = [own.clone(), own.clone()];
        assert!(std::ptr::eq(&raw const *first, &raw const *own));
        assert_eq!((Arc::strong_count(&first.0), Arc::strong_count(&own.0)), (1, 3));
    }
}
