//! `ip_in_cidr(ip, cidr)`: is an address in a block?
//!
//! # Contract
//! The address is IPv4 (four decimal numbers) or IPv6 without brackets, zone or port; the block is
//! such an address, `/`, and a prefix length without leading zeros. IPv4 that is mapped into IPv6
//! (`::ffff:10.0.0.1`) is the IPv4, in both arguments. An address of the other family is not in the
//! block.
//!
//! # Attacks stopped
//! - other spellings of an address: octal, hexadecimal, integer and short IPv4, mapped IPv4, zones
//! - a block that does not say what it means: `10.1.2.3/8` has bits outside its prefix
//!
//! # What it cannot stop
//! IPv6 that reaches IPv4 by translation (`64:ff9b::/96`, `2002::/16`) is IPv6 here: a policy that
//! keeps agents from private IPv4 names those blocks too, or allows instead of denying.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{FunctionError, bounded};

const BAD_ADDRESS: FunctionError = FunctionError::new("the text is not a plain ip address");
const BAD_BLOCK: FunctionError =
    FunctionError::new("the block is not an address, `/` and a length");
const HOST_BITS: FunctionError = FunctionError::new("the block has bits set behind its length");

/// The prefix of an IPv4 address that is mapped into IPv6.
const MAPPED_BITS: u32 = 96;

/// Whether an address is in a block.
///
/// ```
/// use stage0_engine::function::ip_in_cidr;
///
/// assert_eq!(ip_in_cidr("10.1.2.3", "10.0.0.0/8"), Ok(true));
/// assert_eq!(ip_in_cidr("::ffff:10.1.2.3", "10.0.0.0/8"), Ok(true));
/// assert!(ip_in_cidr("012.1.2.3", "10.0.0.0/8").is_err());
/// ```
///
/// # Errors
/// The address or the block is not written plainly, or the block has host bits.
pub fn ip_in_cidr(ip: &str, cidr: &str) -> Result<bool, FunctionError> {
    let ip: IpAddr = bounded(ip)?.parse().map_err(|_| BAD_ADDRESS)?;
    let block = Block::parse(bounded(cidr)?)?;
    Ok(match (ip.to_canonical(), block) {
        (IpAddr::V4(ip), Block::V4 { network, host_mask }) => {
            ip.to_bits() & !host_mask == network.to_bits()
        }
        (IpAddr::V6(ip), Block::V6 { network, host_mask }) => {
            ip.to_bits() & !host_mask == network.to_bits()
        }
        (IpAddr::V4(_), Block::V6 { .. }) | (IpAddr::V6(_), Block::V4 { .. }) => false,
    })
}

enum Block {
    V4 { network: Ipv4Addr, host_mask: u32 },
    V6 { network: Ipv6Addr, host_mask: u128 },
}

impl Block {
    fn parse(cidr: &str) -> Result<Self, FunctionError> {
        let (network, length) = cidr.split_once('/').ok_or(BAD_BLOCK)?;
        let network: IpAddr = network.parse().map_err(|_| BAD_BLOCK)?;
        let length = prefix_length(length).ok_or(BAD_BLOCK)?;
        match network {
            IpAddr::V4(network) => Self::v4(network, length),
            IpAddr::V6(network) => match network.to_ipv4_mapped() {
                // A shorter prefix would leave bits of the mapping behind it.
                Some(mapped) => {
                    let length = length.checked_sub(MAPPED_BITS).ok_or(HOST_BITS)?;
                    Self::v4(mapped, length)
                }
                None => Self::v6(network, length),
            },
        }
    }

    fn v4(network: Ipv4Addr, length: u32) -> Result<Self, FunctionError> {
        if length > u32::BITS {
            return Err(BAD_BLOCK);
        }
        let host_mask = u32::MAX.checked_shr(length).unwrap_or(0);
        if network.to_bits() & host_mask != 0 {
            return Err(HOST_BITS);
        }
        Ok(Self::V4 { network, host_mask })
    }

    fn v6(network: Ipv6Addr, length: u32) -> Result<Self, FunctionError> {
        if length > u128::BITS {
            return Err(BAD_BLOCK);
        }
        let host_mask = u128::MAX.checked_shr(length).unwrap_or(0);
        if network.to_bits() & host_mask != 0 {
            return Err(HOST_BITS);
        }
        Ok(Self::V6 { network, host_mask })
    }
}

fn prefix_length(digits: &str) -> Option<u32> {
    let canonical = digits == "0" || !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_their_blocks_and_not_in_others() {
        for (ip, cidr, expected) in [
            ("10.0.0.0", "10.0.0.0/8", true),
            ("10.255.255.255", "10.0.0.0/8", true),
            ("11.0.0.0", "10.0.0.0/8", false),
            ("9.255.255.255", "10.0.0.0/8", false),
            ("172.31.255.255", "172.16.0.0/12", true),
            ("172.32.0.0", "172.16.0.0/12", false),
            ("1.2.3.4", "0.0.0.0/0", true),
            ("1.2.3.4", "1.2.3.4/32", true),
            ("1.2.3.5", "1.2.3.4/32", false),
            ("::ffff:10.1.2.3", "10.0.0.0/8", true),
            ("::ffff:a01:203", "10.0.0.0/8", true),
            ("10.1.2.3", "::ffff:10.0.0.0/104", true),
            ("::ffff:1.2.3.4", "::ffff:0:0/96", true),
            ("10.1.2.3", "::/0", false),
            ("::ffff:10.1.2.3", "::/0", false),
            ("::1", "0.0.0.0/0", false),
            ("::1", "::/0", true),
            ("::1", "::1/128", true),
            ("::2", "::1/128", false),
            ("FD00::1", "fc00::/7", true),
            ("fe00::1", "fc00::/7", false),
            ("64:ff9b::a01:203", "10.0.0.0/8", false),
            ("64:ff9b::a01:203", "64:ff9b::/96", true),
        ] {
            assert_eq!(ip_in_cidr(ip, cidr), Ok(expected), "{ip} in {cidr}");
        }
    }

    #[test]
    fn hostile_addresses_are_refused() {
        for ip in [
            "",
            " 10.0.0.1",
            "10.0.0.1 ",
            "10.0.0.1\n",
            "10.0.0.1\0",
            "010.0.0.1",
            "10.0.0.01",
            "0x0a.0.0.1",
            "0x0a000001",
            "167772161",
            "10.1",
            "10.0.1",
            "10.0.0.1.",
            "10.0.0.256",
            "10.0.0.1/32",
            "10.0.0.1:80",
            "[::1]",
            "::1%eth0",
            "::1%25",
            "::ffff:010.0.0.1",
            ":::",
            "1::2::3",
            "12345::",
            "+1.2.3.4",
            "\u{ff11}0.0.0.1",
            "localhost",
        ] {
            assert_eq!(ip_in_cidr(ip, "10.0.0.0/8"), Err(BAD_ADDRESS), "{ip:?}");
        }
    }

    #[test]
    fn a_malformed_block_is_an_error() {
        for (cidr, reason) in [
            ("", BAD_BLOCK),
            ("10.0.0.0", BAD_BLOCK),
            ("10.0.0.0/", BAD_BLOCK),
            ("10.0.0.0/33", BAD_BLOCK),
            ("10.0.0.0/08", BAD_BLOCK),
            ("10.0.0.0/+8", BAD_BLOCK),
            ("10.0.0.0/-1", BAD_BLOCK),
            ("10.0.0.0/8/8", BAD_BLOCK),
            ("10.0.0.0/255.0.0.0", BAD_BLOCK),
            ("10/8", BAD_BLOCK),
            ("010.0.0.0/8", BAD_BLOCK),
            ("::/129", BAD_BLOCK),
            ("::/4294967296", BAD_BLOCK),
            ("10.1.2.3/8", HOST_BITS),
            ("1.2.3.4/0", HOST_BITS),
            ("fc00::1/7", HOST_BITS),
            ("::1/0", HOST_BITS),
            ("::ffff:10.0.0.1/104", HOST_BITS),
            ("::ffff:0:0/95", HOST_BITS),
            ("::ffff:10.0.0.0/8", HOST_BITS),
        ] {
            assert_eq!(ip_in_cidr("10.0.0.1", cidr), Err(reason), "{cidr:?}");
        }
    }
}
