//! `host(url)` and `host_within(url, domain)`: which machine would a URL reach?
//!
//! # Contract
//! The URL is absolute, its scheme `http`, `https`, `ws`, `wss` or `ftp` followed by exactly `://`:
//! those whose authority all parsers agree on. The host comes back in one spelling: names in
//! lower case without the one trailing dot they may have, IPv4 as four decimals, IPv6 without brackets
//! in its shortest form (so that `ip_in_cidr(host(url), ...)` works), IPv4-mapped IPv6 as the IPv4.
//! `host_within` is true for the domain itself and for names below it; an address is only within
//! itself. The domain is written as `host` would return it, in any case.
//!
//! # Attacks stopped
//! - two readings of one URL: userinfo (`https://good.com@evil.com`), backslashes, tabs and newlines
//!   that browsers drop, spaces, a third slash, a missing scheme, percent escapes in the host
//! - other spellings of an address: integer, octal, hexadecimal and short IPv4, IPv4 inside IPv6, zones
//! - look-alikes: a host that is not ASCII; `evilgood.com` and `good.com.evil.com` for `good.com`
//! - ports that are not a number from 1 to 65535
//!
//! # What it cannot stop
//! A name may resolve to any address, and to another one later (DNS rebinding), and a server may
//! redirect: private addresses have to be refused where the connection is made. Punycode (`xn--`) is
//! returned as it is. IPv6 that embeds an IPv4 by translation (`64:ff9b::/96`, `2002::/16`) stays IPv6.
//! No list of public suffixes is known: a policy that names `co.uk` means all of it.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;

use super::characters::{is_control, is_invisible, is_printable_ascii};
use super::{FunctionError, bounded, domain_name};

const SCHEMES: [&str; 5] = ["https", "http", "wss", "ws", "ftp"];

const SCHEME: FunctionError =
    FunctionError::new("the url does not begin with http, https, ws, wss or ftp and `://`");
const BLANK: FunctionError = FunctionError::new("the url has a blank or a control character");
const INVISIBLE: FunctionError = FunctionError::new("the url has an invisible character");
const BACKSLASH: FunctionError = FunctionError::new("the url has a backslash");
const USERINFO: FunctionError = FunctionError::new("the url has a user name before its host");
const EMPTY: FunctionError = FunctionError::new("the url has no host");
const PORT: FunctionError = FunctionError::new("the port is not a number from 1 to 65535");
const NOT_ASCII: FunctionError = FunctionError::new("the host is not plain ascii");
const ESCAPE: FunctionError = FunctionError::new("the host has a percent escape");
const BAD_NAME: FunctionError = FunctionError::new("the host is not a domain name");
const BAD_IPV4: FunctionError =
    FunctionError::new("the host is an ipv4 address that is not written as four decimal numbers");
const BAD_IPV6: FunctionError = FunctionError::new("the host is not a plain ipv6 address");
const BAD_DOMAIN: FunctionError =
    FunctionError::new("the domain is not a plain domain name or address");

/// The host of a URL, in one spelling.
///
/// ```
/// use stage0_engine::function::host;
///
/// assert_eq!(host("https://API.Example.com.:8443/v1?to=a@b").as_deref(), Ok("api.example.com"));
/// assert_eq!(host("http://[::ffff:127.0.0.1]/").as_deref(), Ok("127.0.0.1"));
/// assert!(host("https://example.com@evil.org/").is_err());
/// ```
///
/// # Errors
/// The text is not such a URL, or two parsers could find different hosts in it.
pub fn host(url: &str) -> Result<Cow<'_, str>, FunctionError> {
    let authority = authority(bounded(url)?)?;
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, after) = literal.split_once(']').ok_or(BAD_IPV6)?;
        match after.strip_prefix(':') {
            Some(port) => check_port(port)?,
            None if after.is_empty() => {}
            None => return Err(BAD_IPV6),
        }
        return ipv6(address).map(Cow::Owned).ok_or(BAD_IPV6);
    }
    let name = match authority.split_once(':') {
        Some((name, port)) => {
            check_port(port)?;
            name
        }
        None => authority,
    };
    if name.is_empty() {
        return Err(EMPTY);
    }
    if !name.is_ascii() {
        return Err(NOT_ASCII);
    }
    if name.contains('%') {
        return Err(ESCAPE);
    }
    name_or_ipv4(name.strip_suffix('.').unwrap_or(name))
}

/// Whether the URL's host is `domain` or a name below it.
///
/// ```
/// use stage0_engine::function::host_within;
///
/// assert_eq!(host_within("https://api.example.com/", "example.com"), Ok(true));
/// assert_eq!(host_within("https://example.com.evil.org/", "example.com"), Ok(false));
/// ```
///
/// # Errors
/// As [`host`], or the domain is not a plain domain name or address.
pub fn host_within(url: &str, domain: &str) -> Result<bool, FunctionError> {
    let host = host(url)?;
    let domain = domain_or_address(bounded(domain)?)?;
    // INVARIANT: no name ends in an address: its last label would be a number, which `host` refuses.
    Ok(host
        .strip_suffix(domain.as_ref())
        .is_some_and(|below| below.is_empty() || below.ends_with('.')))
}

/// What stands between `://` and the first `/`, `?` or `#`.
fn authority(url: &str) -> Result<&str, FunctionError> {
    refuse_characters(url)?;
    let (scheme, rest) = url.split_once("://").ok_or(SCHEME)?;
    if !SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err(SCHEME);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.is_empty() {
        return Err(EMPTY);
    }
    if authority.contains('@') {
        return Err(USERINFO);
    }
    Ok(authority)
}

fn refuse_characters(url: &str) -> Result<(), FunctionError> {
    if url.contains('\\') {
        return Err(BACKSLASH);
    }
    if url.contains(' ') {
        return Err(BLANK);
    }
    if is_printable_ascii(url) {
        return Ok(());
    }
    url.chars().try_for_each(|character| {
        Err(match character {
            _ if character.is_whitespace() || is_control(character) => BLANK,
            _ if is_invisible(character) => INVISIBLE,
            _ => return Ok(()),
        })
    })
}

fn check_port(port: &str) -> Result<(), FunctionError> {
    let canonical = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(_) if canonical => Ok(()),
        Ok(_) | Err(_) => Err(PORT),
    }
}

fn name_or_ipv4(name: &str) -> Result<Cow<'_, str>, FunctionError> {
    if domain_name::ends_in_number(name) {
        // `Ipv4Addr` accepts only four decimal numbers without leading zeros.
        return match name.parse::<Ipv4Addr>() {
            Ok(_) => Ok(Cow::Borrowed(name)),
            Err(_) => Err(BAD_IPV4),
        };
    }
    domain_name::canonical(name).ok_or(BAD_NAME)
}

/// The shortest spelling of an IPv6 address, or of the IPv4 that is mapped into it.
fn ipv6(address: &str) -> Option<String> {
    let address: Ipv6Addr = address.parse().ok()?;
    Some(address.to_canonical().to_string())
}

fn domain_or_address(domain: &str) -> Result<Cow<'_, str>, FunctionError> {
    if domain.contains(':') {
        return ipv6(domain).map(Cow::Owned).ok_or(BAD_DOMAIN);
    }
    name_or_ipv4(domain).map_err(|_| BAD_DOMAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (url, expected) in [
            ("https://example.com", "example.com"),
            ("HTTPS://EXAMPLE.com/", "example.com"),
            ("http://example.com:80/a", "example.com"),
            ("ws://example.com?x", "example.com"),
            ("wss://example.com#x", "example.com"),
            ("ftp://example.com./x", "example.com"),
            ("https://example.com/a@b:c", "example.com"),
            ("https://example.com?next=https://evil.org", "example.com"),
            ("https://example.com/\u{e9}t\u{e9}", "example.com"),
            ("https://a_b.example.com/", "a_b.example.com"),
            ("https://r3---sn-x.example.com/", "r3---sn-x.example.com"),
            ("https://xn--80ak6aa92e.com/", "xn--80ak6aa92e.com"),
            ("http://localhost:3000/", "localhost"),
            ("http://1e100.net/", "1e100.net"),
            ("http://127.0.0.1:1/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[::1]/", "::1"),
            ("http://[0:0:0:0:0:0:0:1]:8080", "::1"),
            ("http://[2001:DB8::00A]/", "2001:db8::a"),
            ("http://[::ffff:10.0.0.1]/", "10.0.0.1"),
            ("http://[::ffff:a00:1]/", "10.0.0.1"),
            ("http://[64:ff9b::7f00:1]/", "64:ff9b::7f00:1"),
        ] {
            assert_eq!(host(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn hostile_urls_are_refused() {
        let long_label = format!("http://{}.com/", "a".repeat(64));
        let long_name = format!("http://{}com/", "a.".repeat(126));
        for (url, reason) in [
            ("", SCHEME),
            ("example.com", SCHEME),
            ("//example.com/", SCHEME),
            ("https:example.com", SCHEME),
            ("https:/example.com", SCHEME),
            ("javascript://example.com/%0aalert(1)", SCHEME),
            ("file://example.com/etc/passwd", SCHEME),
            ("gopher://127.0.0.1:6379/_x", SCHEME),
            ("data:text/html,x", SCHEME),
            ("view-source:https://example.com", SCHEME),
            ("jar:https://example.com!/x", SCHEME),
            ("h\u{ff54}tp://example.com", SCHEME),
            ("https:///evil.org/", EMPTY),
            ("https:////evil.org/", EMPTY),
            ("https://?evil.org", EMPTY),
            ("https://", EMPTY),
            ("https://:80/", EMPTY),
            ("https://good.com@evil.org/", USERINFO),
            ("https://good.com:443@evil.org/", USERINFO),
            ("https://@evil.org/", USERINFO),
            ("https://good.com%2f@evil.org/", USERINFO),
            ("https://[::1]@evil.org/", USERINFO),
            ("https://evil.org\\@good.com/", BACKSLASH),
            ("https:\\\\evil.org/", BACKSLASH),
            ("https://good.com/\\evil.org", BACKSLASH),
            (" https://good.com/", BLANK),
            ("https://good.com/ ", BLANK),
            ("https://good.com\t.evil.org/", BLANK),
            ("ht\ntps://good.com/", BLANK),
            ("https://good.com\r\nHost: evil.org", BLANK),
            ("https://good.com\0.evil.org/", BLANK),
            ("https://good.com\u{3000}/", BLANK),
            ("https://good.com\u{200b}/", INVISIBLE),
            ("https://good.com/\u{202e}gpj.exe", INVISIBLE),
            ("https://good.com%2eevil.org/", ESCAPE),
            ("https://%65vil.org/", ESCAPE),
            ("https://good.com%00.evil.org/", ESCAPE),
            ("https://g\u{43e}\u{43e}d.com/", NOT_ASCII),
            ("https://good.com\u{ff0f}evil.org/", NOT_ASCII),
            ("https://good\u{3002}com/", NOT_ASCII),
            ("https://\u{2460}27.0.0.1/", NOT_ASCII),
            ("https://good..com/", BAD_NAME),
            ("https://.good.com/", BAD_NAME),
            ("https://good.com../", BAD_NAME),
            ("https://./", BAD_NAME),
            ("https://-good.com/", BAD_NAME),
            ("https://good-.com/", BAD_NAME),
            ("https://good.com;evil.org/", BAD_NAME),
            ("https://good.com,evil.org/", BAD_NAME),
            ("https://*.good.com/", BAD_NAME),
            ("https://good.com&evil.org/", BAD_NAME),
            (&long_label, BAD_NAME),
            (&long_name, BAD_NAME),
            ("http://2130706433/", BAD_IPV4),
            ("http://0x7f000001/", BAD_IPV4),
            ("http://0X7F.1/", BAD_IPV4),
            ("http://017700000001/", BAD_IPV4),
            ("http://0177.0.0.1/", BAD_IPV4),
            ("http://127.1/", BAD_IPV4),
            ("http://127.0.1/", BAD_IPV4),
            ("http://0/", BAD_IPV4),
            ("http://0x/", BAD_IPV4),
            ("http://127.0.0.01/", BAD_IPV4),
            ("http://127.0.0.256/", BAD_IPV4),
            ("http://1.2.3.4.5/", BAD_IPV4),
            ("http://good.com.1/", BAD_IPV4),
            ("http://[::1", BAD_IPV6),
            ("http://[::1]x/", BAD_IPV6),
            ("http://[::1%25eth0]/", BAD_IPV6),
            ("http://[::1%eth0]/", BAD_IPV6),
            ("http://[127.0.0.1]/", BAD_IPV6),
            ("http://[v1.x]/", BAD_IPV6),
            ("http://[::ffff:0177.0.0.1]/", BAD_IPV6),
            ("http://[]/", BAD_IPV6),
            ("http://::1/", PORT),
            ("http://good.com:/", PORT),
            ("http://good.com:0/", PORT),
            ("http://good.com:080/", PORT),
            ("http://good.com:65536/", PORT),
            ("http://good.com:80:80/", PORT),
            ("http://good.com:+80/", PORT),
            ("http://good.com:80evil.org/", PORT),
            ("http://[::1]:x/", PORT),
        ] {
            assert_eq!(host(url), Err(reason), "{url:?}");
            assert_eq!(host_within(url, "good.com"), Err(reason), "{url:?}");
        }
    }

    #[test]
    fn a_domain_holds_itself_and_the_names_below_it() {
        for (url, domain) in [
            ("https://good.com/", "good.com"),
            ("https://good.com./", "good.com"),
            ("https://A.B.Good.com/", "GOOD.com"),
            ("http://localhost/", "localhost"),
            ("http://10.0.0.1/", "10.0.0.1"),
            ("http://[::ffff:10.0.0.1]/", "10.0.0.1"),
            ("http://10.0.0.1/", "::ffff:a00:1"),
            ("http://[::1]/", "0::1"),
        ] {
            assert_eq!(host_within(url, domain), Ok(true), "{url} in {domain}");
        }
    }

    #[test]
    fn neighbours_are_not_within_a_domain() {
        for (url, domain) in [
            ("https://evilgood.com/", "good.com"),
            ("https://good.com.evil.org/", "good.com"),
            ("https://evil.org/good.com", "good.com"),
            ("https://evil.org?good.com", "good.com"),
            ("https://evil.org#good.com", "good.com"),
            ("https://com/", "good.com"),
            ("https://good-com.evil.org/", "good.com"),
            ("http://10.0.0.11/", "10.0.0.1"),
            ("http://110.0.0.1/", "10.0.0.1"),
            ("http://[1::1]/", "::1"),
        ] {
            assert_eq!(host_within(url, domain), Ok(false), "{url} in {domain}");
        }
    }

    #[test]
    fn a_malformed_domain_is_an_error() {
        for domain in [
            "",
            ".",
            ".good.com",
            "good.com.",
            "*.good.com",
            "https://good.com",
            "good.com/",
            "good.com:443",
            "good com",
            "g\u{f6}\u{f6}d.com",
            "[::1]",
            "::1%1",
            "10.1",
            "good..com",
        ] {
            assert_eq!(
                host_within("https://good.com/", domain),
                Err(BAD_DOMAIN),
                "{domain:?}"
            );
        }
    }
}
