//! Asking for a cache line before it is needed. The one place where this crate is unsafe.
//!
//! A keyed decision is a load from anywhere in memory, a reading of the clock and a compare-and-swap.
//! A plain load in front does not help: the processor has to finish it before the compare-and-swap,
//! and reads its clock meanwhile at best. A prefetch is not waited for. With ten million keys a
//! decision takes about half the time; `cargo xtask bench --only keyed` shows it.

/// Asks for the line that `value` begins on. Changes nothing that can be observed but time.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        let address = std::ptr::from_ref(value).cast::<i8>();
        #[expect(unsafe_code, reason = "there is no safe way to ask for a cache line")]
        // SAFETY: a prefetch neither reads nor writes as far as a program can tell and never faults,
        // whatever the address; this one comes from a reference. It needs SSE, which every x86-64 has.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(address);
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = value;
}
