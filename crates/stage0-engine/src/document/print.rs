//! Fingerprints of keys: what tells most keys apart without reading them.

/// Offsets fit into 32 bits because every text that reaches a builder is bounded far below 4 GiB.
#[inline]
pub(super) fn low(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// What nodes have that are no keys, or not yet.
pub(super) const NO_PRINT: u16 = 0;

/// A short fingerprint of a key.
#[inline]
pub(crate) fn print_of(key: &str) -> u16 {
    print_of_bytes(key.as_bytes())
}

/// The upper half of a fingerprint, in which all of its bits meet.
#[inline]
pub(super) fn print_of_bytes(key: &[u8]) -> u16 {
    let print = u16::try_from(fingerprint(key) >> 16).unwrap_or_default();
    print.max(NO_PRINT + 1)
}

/// Equal for equal keys and cheap; different for most keys that differ in length or at either end,
/// as nearly all keys of one object do.
#[inline]
pub(super) fn fingerprint(bytes: &[u8]) -> u32 {
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => (
            0,
            bytes
                .iter()
                .fold(0, |all, &byte| all << 8 | u32::from(byte)),
        ),
    };
    // Odd factors, so that no bit is lost; different ones, so that equal ends do not cancel out.
    first.wrapping_mul(0x9E37_79B1)
        ^ last.wrapping_mul(0x85EB_CA77)
        ^ low(bytes.len()).wrapping_mul(0xC2B2_AE3D)
}
