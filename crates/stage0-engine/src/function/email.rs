//! `email_domain(address)`: to whose mail server does an address go?
//!
//! # Contract
//! The text is exactly one bare address, `local@domain`, of at most 254 bytes of ASCII. The local part
//! is letters, digits and `._+-'&=~`; the domain is a DNS name of two labels or more, returned in
//! lower case. Everything else that RFC 5322 allows is refused, because mailers disagree about it.
//!
//! # Attacks stopped
//! - a second recipient: lists, several `@`, display names, comments, blanks and line breaks
//! - routing: `user%evil.org@good.com`, `evil.org!user@good.com`, `@evil.org:user@good.com`
//! - quoted local parts, address literals, trailing dots, addresses that are not ASCII
//! - local parts that old mailers take for an option, a file or a program (`-x`, `/f`, `|p`)
//!
//! # What it cannot stop
//! Whether the mailbox exists, who reads it, and where it forwards to. `user+tag@good.com` is another
//! text than `user@good.com` but the same person at many providers. Punycode (`xn--`) is returned as
//! it is.

use std::borrow::Cow;

use super::{FunctionError, bounded, domain_name};

/// Bytes of an address that fits into an SMTP path (RFC 5321, erratum 1690).
const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of a local part (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;

const TOO_LONG: FunctionError = FunctionError::new("the address is longer than mail allows");
const NOT_ASCII: FunctionError = FunctionError::new("the address is not plain ascii");
const NOT_ONE: FunctionError = FunctionError::new("the text is not one bare address");
const ROUTE: FunctionError = FunctionError::new("the address has a route in it");
const QUOTED: FunctionError = FunctionError::new("the address has a quoted part");
const LITERAL: FunctionError = FunctionError::new("the address has an address literal");
const AT: FunctionError = FunctionError::new("the address does not have exactly one `@`");
const LOCAL: FunctionError = FunctionError::new("the part before `@` is not a plain name");
const DOMAIN: FunctionError = FunctionError::new("the part after `@` is not a plain domain name");

/// The domain of one bare address, in lower case.
///
/// ```
/// use stage0_engine::function::email_domain;
///
/// assert_eq!(email_domain("Ana.Ruiz@Example.COM").as_deref(), Ok("example.com"));
/// assert!(email_domain("ana@evil.org, bob@example.com").is_err());
/// ```
///
/// # Errors
/// The text is not exactly one bare address.
pub fn email_domain(address: &str) -> Result<Cow<'_, str>, FunctionError> {
    let address = bounded(address)?;
    if !address.is_ascii() {
        return Err(NOT_ASCII);
    }
    if address.len() > ADDRESS_BYTES_MAX {
        return Err(TOO_LONG);
    }
    address.bytes().try_for_each(|byte| {
        Err(match byte {
            b' ' | b',' | b';' | b'<' | b'>' | b'(' | b')' => NOT_ONE,
            b'"' | b'\\' => QUOTED,
            b'%' | b'!' | b':' => ROUTE,
            b'[' | b']' => LITERAL,
            _ if byte.is_ascii_control() => NOT_ONE,
            _ => return Ok(()),
        })
    })?;
    let (local, domain) = address.split_once('@').ok_or(AT)?;
    if domain.contains('@') {
        return Err(AT);
    }
    if !is_local(local) {
        return Err(LOCAL);
    }
    let plain =
        domain.contains('.') && !domain.contains('_') && !domain_name::ends_in_number(domain);
    if !plain {
        return Err(DOMAIN);
    }
    domain_name::canonical(domain).ok_or(DOMAIN)
}

fn is_local(local: &str) -> bool {
    local.len() <= LOCAL_BYTES_MAX
        && !local.starts_with('-')
        && local.split('.').all(|atom| {
            !atom.is_empty()
                && atom.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric()
                        || matches!(byte, b'_' | b'+' | b'-' | b'\'' | b'&' | b'=' | b'~')
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_bare_address_comes_back_in_lower_case() {
        for (address, domain) in [
            ("ana@good.com", "good.com"),
            ("ANA@GOOD.COM", "good.com"),
            ("ana.ruiz+tag@mail.good.com", "mail.good.com"),
            ("o'neil_x~y&z=1@good.co.uk", "good.co.uk"),
            ("1@2.good.com", "2.good.com"),
            ("ana@xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),
        ] {
            assert_eq!(email_domain(address).as_deref(), Ok(domain), "{address}");
        }
    }

    #[test]
    fn hostile_addresses_are_refused() {
        let long_local = format!("{}@good.com", "a".repeat(65));
        let long_address = format!("a@{}com", "abcdefg.".repeat(32));
        for (address, reason) in [
            ("", AT),
            ("good.com", AT),
            ("ana@evil.org@good.com", AT),
            ("ana@@good.com", AT),
            ("@good.com", LOCAL),
            (".ana@good.com", LOCAL),
            ("ana.@good.com", LOCAL),
            ("a..b@good.com", LOCAL),
            ("-oQ/tmp@good.com", LOCAL),
            ("-froot@good.com", LOCAL),
            ("/etc/passwd@good.com", LOCAL),
            ("|sh@good.com", LOCAL),
            ("`id`@good.com", LOCAL),
            ("$x@good.com", LOCAL),
            ("ana*@good.com", LOCAL),
            (&long_local, LOCAL),
            (&long_address, TOO_LONG),
            ("ana@evil.org,bob@good.com", NOT_ONE),
            ("ana@evil.org;bob@good.com", NOT_ONE),
            ("ana@evil.org bob@good.com", NOT_ONE),
            ("ana@good.com\nBcc: eve@evil.org", NOT_ONE),
            ("ana@good.com\r\n", NOT_ONE),
            ("ana@good.com\0@evil.org", NOT_ONE),
            (" ana@good.com", NOT_ONE),
            ("ana@good.com\t", NOT_ONE),
            ("Ana <ana@good.com>", NOT_ONE),
            ("<ana@good.com>", NOT_ONE),
            ("eve@evil.org(@good.com)", NOT_ONE),
            ("\"eve@evil.org\"@good.com", QUOTED),
            ("\"ana\"@good.com", QUOTED),
            ("ana\\@evil.org@good.com", QUOTED),
            ("eve%evil.org@good.com", ROUTE),
            ("evil.org!eve@good.com", ROUTE),
            ("@evil.org:eve@good.com", ROUTE),
            ("mailto:ana@good.com", ROUTE),
            ("ana@[10.0.0.1]", LITERAL),
            ("ana@[IPv6:::1]", LITERAL),
            ("ana@10.0.0.1", DOMAIN),
            ("ana@0x7f.1", DOMAIN),
            ("ana@good", DOMAIN),
            ("root@localhost", DOMAIN),
            ("ana@good.com.", DOMAIN),
            ("ana@.good.com", DOMAIN),
            ("ana@good..com", DOMAIN),
            ("ana@-good.com", DOMAIN),
            ("ana@go_od.com", DOMAIN),
            ("ana@good.com/evil.org", DOMAIN),
            ("ana@good.com#evil.org", DOMAIN),
            ("ana@", DOMAIN),
            ("ana@g\u{43e}od.com", NOT_ASCII),
            ("ana@good\u{3002}com", NOT_ASCII),
            ("ana\u{ff20}good.com", NOT_ASCII),
            ("an\u{200b}a@good.com", NOT_ASCII),
        ] {
            assert_eq!(email_domain(address), Err(reason), "{address:?}");
        }
    }
}
