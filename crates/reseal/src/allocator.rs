//! Memory from mimalloc by the short way.
//!
//! The `mimalloc` crate asks for every block with its alignment, which the library answers by a longer way, and above
//! 1 KiB with a larger block. Here only blocks of unusual alignment ask so.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// The memory of the whole process.
pub(crate) struct Mimalloc;

/// Whether a block of `size` bytes is aligned so without being asked: mimalloc aligns to 16 bytes (`MI_MAX_ALIGN_SIZE`),
/// shorter ones to 8.
fn is_aligned_anyway(align: usize, size: usize) -> bool {
    align <= 16 && align <= size
}

// SAFETY: `mi_malloc` and its kin return null or a block of its own with at least `size` bytes, aligned as
// `is_aligned_anyway` says, or to `align` where that is asked for; `mi_free` and `mi_realloc` take blocks of either
// kind. Nothing unwinds.
unsafe impl GlobalAlloc for Mimalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_aligned_anyway(layout.align(), layout.size()) {
            // SAFETY: any size will do.
            return unsafe { mi_malloc(layout.size()) }.cast();
        }
        // SAFETY: a layout's alignment is a power of two.
        unsafe { mi_malloc_aligned(layout.size(), layout.align()) }.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_aligned_anyway(layout.align(), layout.size()) {
            // SAFETY: any size will do.
            return unsafe { mi_zalloc(layout.size()) }.cast();
        }
        // SAFETY: a layout's alignment is a power of two.
        unsafe { mi_zalloc_aligned(layout.size(), layout.align()) }.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller gives back a block that came from here.
        unsafe { mi_free(block.cast()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if is_aligned_anyway(layout.align(), new_size) {
            // SAFETY: the caller gives a block that came from here.
            return unsafe { mi_realloc(block.cast(), new_size) }.cast();
        }
        // SAFETY: as above; a layout's alignment is a power of two.
        unsafe { mi_realloc_aligned(block.cast(), new_size, layout.align()) }.cast()
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
}
