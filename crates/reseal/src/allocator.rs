//! Memory from mimalloc, with the blocks that a thread gave back last at hand for its next requests.
//!
//! mimalloc hands out what was given back longest ago, which is no longer in the processor's nearest caches, and blocks
//! above 1 KiB by a longer way. A call of the API takes some forty blocks and gives them back a moment later, so most
//! requests are served by what is still warm here, with a few instructions and without a look at the block. Everything
//! else is mimalloc's: nothing here ever splits, joins or makes a block.
//!
//! The `mimalloc` crate asks for every block with its alignment, which the library answers by a longer way too. Here only
//! blocks of unusual alignment ask so.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    ptr,
};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// The memory of the whole process.
pub(crate) struct Mimalloc;

/// Blocks up to this size are kept at hand.
const MOST_AT_HAND: usize = 8_192;
/// Sizes up to this one are told apart by [`STEP`], larger ones by [`LARGE_STEP`].
const SMALL: usize = 1_024;
const STEP: usize = 16;
const LARGE_STEP: usize = 512;
const CLASSES: usize = SMALL / STEP + (MOST_AT_HAND - SMALL) / LARGE_STEP;
/// Blocks at hand of one class: what the calls that a thread has under way at one time hold of it. With a full stack of
/// every class a thread would keep 3 MiB, or up to twice that of blocks that were larger once.
const DEPTH: usize = 32;

/// The class of blocks for `size` bytes, and how large its blocks are; `None`: not kept at hand.
///
/// Every block of mimalloc with at least 16 bytes is aligned to 16 (`MI_MAX_ALIGN_SIZE`), in versions 2 and 3.
fn class_of(layout: Layout) -> Option<(usize, usize)> {
    let size = layout.size();
    if layout.align() > STEP || size == 0 {
        None
    } else if size <= SMALL {
        let class = (size - 1) / STEP;
        Some((class, (class + 1) * STEP))
    } else if size <= MOST_AT_HAND {
        let class = (size - SMALL - 1) / LARGE_STEP;
        Some((SMALL / STEP + class, SMALL + (class + 1) * LARGE_STEP))
    } else {
        None
    }
}

/// The blocks of one class that a thread has at hand, the one given back last on top.
struct Stack {
    height: Cell<usize>,
    blocks: [Cell<*mut u8>; DEPTH],
}

/// What a thread has at hand.
struct AtHand {
    /// How high a stack may be: not at all before its end is taken care of, nor after it.
    room: Cell<usize>,
    stacks: [Stack; CLASSES],
}

impl AtHand {
    #[expect(clippy::large_stack_arrays, reason = "it is made when the program is built, never on a stack")]
    const fn nothing() -> Self {
        Self {
            room: Cell::new(0),
            stacks: [const {
                Stack { height: Cell::new(0), blocks: [const { Cell::new(ptr::null_mut()) }; DEPTH] }
            }; CLASSES],
        }
    }

    /// A block of that class that is at hand.
    fn take(&self, class: usize) -> Option<*mut u8> {
        let stack = self.stacks.get(class)?;
        let height = stack.height.get().checked_sub(1)?;
        let block = stack.blocks.get(height)?.get();
        stack.height.set(height);
        Some(block)
    }

    /// Keeps a block of that class at hand, if there is room.
    fn keep(&self, class: usize, block: *mut u8) -> bool {
        let Some(stack) = self.stacks.get(class) else { return false };
        let height = stack.height.get();
        let Some(place) = stack.blocks.get(height).filter(|_| height < self.room.get()) else { return false };
        place.set(block);
        stack.height.set(height + 1);
        true
    }
}

thread_local! {
    // Without a destructor, so that to reach it is one instruction.
    static AT_HAND: AtHand = const { AtHand::nothing() };
    // An allocator may have thread-local variables with a destructor since Rust 1.93.
    static END: End = const { End };
}

/// Gives back what a thread has at hand when it ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        AT_HAND.with(|at_hand| {
            at_hand.room.set(0);
            for class in 0..CLASSES {
                while let Some(block) = at_hand.take(class) {
                    // SAFETY: blocks at hand came from `mi_malloc` and its kin, and nobody else has them.
                    unsafe { mi_free(block.cast()) }
                }
            }
        });
    }
}

/// Gives a block back for which there is no room at hand, or none yet.
///
/// # Safety
/// The block came from `mi_malloc` or its kin, and is given up.
#[cold]
#[inline(never)]
unsafe fn give_back(block: *mut u8) {
    // SAFETY: as the caller says.
    unsafe { mi_free(block.cast()) }
    // The first time, `END` comes to be; once it is gone, there is none any more.
    if END.try_with(|_| ()).is_ok() {
        AT_HAND.with(|at_hand| at_hand.room.set(DEPTH));
    }
}

/// A block that comes from mimalloc.
#[cold]
#[inline(never)]
fn fetch(layout: Layout) -> *mut u8 {
    let size = class_of(layout).map_or(layout.size(), |(_, size)| size);
    if layout.align() <= STEP {
        // SAFETY: any size will do.
        return unsafe { mi_malloc(size) }.cast();
    }
    // SAFETY: a layout's alignment is a power of two.
    unsafe { mi_malloc_aligned(size, layout.align()) }.cast()
}

// SAFETY: `mi_malloc` and its kin return null or a block of its own with at least as many bytes as asked for, aligned to
// 16, or to `align` where that is asked for; `mi_free` and `mi_realloc` take blocks of either kind. A block of a class has
// as many bytes as the class says wherever it came from, and is either at hand of one thread or somebody's. Nothing
// unwinds.
unsafe impl GlobalAlloc for Mimalloc {
    // One copy for all of the program: its callers are thousands, and code that is fetched costs more than a call.
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class_of(layout);
        let at_hand = class.and_then(|(class, _)| AT_HAND.with(|at_hand| at_hand.take(class)));
        at_hand.unwrap_or_else(|| fetch(layout))
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some((_, size)) = class_of(layout) {
            // SAFETY: any size will do.
            return unsafe { mi_zalloc(size) }.cast();
        }
        if layout.align() <= STEP {
            // SAFETY: as above.
            return unsafe { mi_zalloc(layout.size()) }.cast();
        }
        // SAFETY: a layout's alignment is a power of two.
        unsafe { mi_zalloc_aligned(layout.size(), layout.align()) }.cast()
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class_of(layout) {
            Some((class, _)) if AT_HAND.with(|at_hand| at_hand.keep(class, block)) => {}
            // SAFETY: the caller gives back a block that came from here.
            _ => unsafe { give_back(block) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller gives a size that makes a layout with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (class_of(layout), class_of(new)) {
            (Some((old, _)), Some((class, _))) if old == class => block,
            // SAFETY: the caller gives a block that came from here; a class is asked for by its whole size.
            (_, Some((_, size))) => unsafe { mi_realloc(block.cast(), size) }.cast(),
            // SAFETY: as above.
            (_, None) if new.align() <= STEP => unsafe { mi_realloc(block.cast(), new_size) }.cast(),
            // SAFETY: as above; a layout's alignment is a power of two.
            (_, None) => unsafe { mi_realloc_aligned(block.cast(), new_size, layout.align()) }.cast(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_aligned_as_asked() {
        let blocks: Vec<_> = (0..8)
            .flat_map(|power| {
                (1..200).chain([1_000, 2_400, 5_000, 70_000]).map(move |size| (1 << power, size))
            })
            .map(|(align, size)| Layout::from_size_align(size, align).unwrap())
            .collect();
        for layout in blocks {
            // SAFETY: no layout is of size zero, and each block is given back with its own.
            unsafe {
                let block = Mimalloc.alloc(layout);
                assert_eq!(block.addr() % layout.align(), 0, "{layout:?}");
                block.write_bytes(7, layout.size());
                let larger = Mimalloc.realloc(block, layout, layout.size() * 3);
                assert_eq!(larger.addr() % layout.align(), 0, "{layout:?}");
                assert_eq!((larger.read(), larger.add(layout.size() - 1).read()), (7, 7));
                let triple = Layout::from_size_align(layout.size() * 3, layout.align()).unwrap();
                let smaller = Mimalloc.realloc(larger, triple, 1);
                assert_eq!((smaller.addr() % layout.align(), smaller.read()), (0, 7), "{layout:?}");
                Mimalloc.dealloc(smaller, Layout::from_size_align(1, layout.align()).unwrap());
                let zeroed = Mimalloc.alloc_zeroed(layout);
                assert_eq!((zeroed.addr() % layout.align(), zeroed.read()), (0, 0), "{layout:?}");
                Mimalloc.dealloc(zeroed, layout);
            }
        }
    }

    #[test]
    fn a_class_has_room_for_all_its_sizes() {
        let mut block_sizes = [None; CLASSES];
        for size in 1..=MOST_AT_HAND {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let (class, block) = class_of(layout).unwrap();
            assert!(block >= size && block < size + LARGE_STEP, "{size}");
            assert_eq!(*block_sizes[class].get_or_insert(block), block, "{size}");
        }
        assert!(block_sizes.iter().all(Option::is_some));
        for (size, align) in [(MOST_AT_HAND + 1, 8), (64, 32)] {
            assert_eq!(class_of(Layout::from_size_align(size, align).unwrap()), None);
        }
    }

    #[test]
    fn what_was_given_back_last_is_handed_out_first_and_to_one_only() {
        // Nothing else in these tests has blocks of this size.
        let layout = Layout::from_size_align(7_777, 8).unwrap();
        let take_many = |count: usize| -> Vec<usize> {
            // SAFETY: the layout is not of size zero.
            (0..count).map(|_| unsafe { Mimalloc.alloc(layout) }.expose_provenance()).collect()
        };
        let give_back = |blocks: &[usize]| {
            for block in blocks {
                // SAFETY: each was handed out with this layout, and is given back once.
                unsafe { Mimalloc.dealloc(ptr::with_exposed_provenance_mut(*block), layout) }
            }
        };
        let mut first = take_many(3 * DEPTH);
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), first.len());
        // More than fit at hand: the others go back to mimalloc.
        give_back(&first);
        first.truncate(DEPTH);
        first.reverse();
        assert_eq!(take_many(DEPTH), first);
        // A block may be given back on another thread, whose blocks at hand end with it.
        std::thread::scope(|scope| scope.spawn(|| give_back(&first)).join()).unwrap();
        let again = take_many(DEPTH);
        let distinct: std::collections::BTreeSet<_> = again.iter().collect();
        assert_eq!(distinct.len(), again.len());
        for block in &again {
            // SAFETY: the block was handed out with this layout.
            unsafe { ptr::with_exposed_provenance_mut::<u8>(*block).write_bytes(7, layout.size()) }
        }
        give_back(&again);
    }
}
