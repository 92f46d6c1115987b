//! Which addresses an endpoint may have: those of the public internet, and those that the operator allows.
//!
//! Whoever names an endpoint makes this program send requests from inside its network; without this rule they would reach
//! what only that network should (cloud metadata, databases, the program's own API). The ranges are those that the IANA
//! registries of special-purpose addresses (RFC 6890 and its updates) do not call globally reachable.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::LazyLock;

/// Refused ranges and what they are for.
const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier's customers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for measurements"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documentation"),
    ("3fff::/20", "for documentation"),
    // An IPv4 address of the sender's choice is in it.
    ("2002::/16", "6to4"),
];

/// All that is given out of IPv6 lies in here; the exceptions are above.
const GLOBAL: &str = "2000::/3";
/// Networks without IPv4 reach it through these addresses, which hold it in their last 32 bits (RFC 6052).
const NAT64: &str = "64:ff9b::/96";

struct Ranges {
    refused: Vec<(IpNet, &'static str)>,
    global: Option<IpNet>,
    nat64: Option<IpNet>,
}

static RANGES: LazyLock<Ranges> = LazyLock::new(|| Ranges {
    // A test goes through the table.
    refused: REFUSED.iter().filter_map(|(net, what)| Some((net.parse().ok()?, *what))).collect(),
    global: GLOBAL.parse().ok(),
    nat64: NAT64.parse().ok(),
});

/// The rule: public addresses, and what is allowed besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRule {
    nets: Vec<IpNet>,
    hosts: Vec<String>,
}

/// An address that an endpoint may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {ip}, which is {what}: no message goes there unless MAESTRO_WEBHOOK_ALLOW names it")]
pub struct NotAllowed {
    /// The endpoint's host.
    pub host: String,
    /// Its address.
    pub ip: IpAddr,
    /// What that address is for.
    pub what: &'static str,
}

/// A text that cannot be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("addresses, ranges such as 10.1.0.0/16, or host names, separated by commas")]
pub struct BadAllowed;

impl AddressRule {
    /// Whether an endpoint at `host` may be at `ip`.
    ///
    /// # Errors
    /// What the address is for.
    pub fn check(&self, host: &str, ip: IpAddr) -> Result<(), NotAllowed> {
        let canonical = ip.to_canonical();
        let allowed = self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
            || self.nets.iter().any(|net| net.contains(&canonical));
        match purpose(canonical) {
            Some(what) if !allowed => Err(NotAllowed { host: host.to_owned(), ip, what }),
            _ => Ok(()),
        }
    }
}

impl FromStr for AddressRule {
    type Err = BadAllowed;

    fn from_str(text: &str) -> Result<Self, BadAllowed> {
        let mut rule = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Ok(net) = part.parse::<IpNet>() {
                rule.nets.push(net);
            } else if let Ok(ip) = part.parse::<IpAddr>() {
                rule.nets.push(ip.to_canonical().into());
            } else if is_name(part) {
                rule.hosts.push(part.trim_end_matches('.').to_owned());
            } else {
                return Err(BadAllowed);
            }
        }
        Ok(rule)
    }
}

fn is_name(text: &str) -> bool {
    // What ends in a number is an address, and none that was understood.
    let ends_in_letters =
        text.trim_end_matches('.').rsplit('.').next().is_some_and(|last| last.parse::<u64>().is_err());
    ends_in_letters && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// What an address is for, where it is none of the public internet.
fn purpose(ip: IpAddr) -> Option<&'static str> {
    if let Some((_, what)) = RANGES.refused.iter().find(|(net, _)| net.contains(&ip)) {
        return Some(what);
    }
    let IpAddr::V6(v6) = ip else { return None };
    let within = |net: Option<IpNet>| net.is_some_and(|net| net.contains(&ip));
    if within(RANGES.nat64) {
        return purpose(last_32_bits(v6).into());
    }
    if within(RANGES.global) { None } else { Some("reserved") }
}

fn last_32_bits(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rule: &AddressRule, ip: &str) -> Option<&'static str> {
        rule.check("h", ip.parse().unwrap()).err().map(|refused| refused.what)
    }

    #[test]
    fn every_range_is_understood_and_refused_at_both_ends() {
        assert_eq!(RANGES.refused.len(), REFUSED.len());
        assert!(RANGES.global.is_some() && RANGES.nat64.is_some());
        for (net, _) in &RANGES.refused {
            for ip in [net.network(), net.broadcast()] {
                assert!(AddressRule::default().check("h", ip).is_err(), "{ip}");
            }
        }
    }

    #[test]
    fn addresses_are_judged_by_what_they_reach() {
        let rule = AddressRule::default();
        let cases = [
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("0.0.0.0", Some("unspecified")),
            ("10.1.2.3", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.1", None),
            ("192.168.1.1", Some("private")),
            ("169.254.169.254", Some("link-local")),
            ("100.64.0.1", Some("shared by a carrier's customers")),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("198.19.255.255", Some("for measurements")),
            ("203.0.113.9", Some("for documentation")),
            ("224.0.0.1", Some("multicast")),
            ("255.255.255.255", Some("broadcast")),
            ("240.0.0.1", Some("reserved")),
            ("8.8.8.8", None),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::7f00:1", Some("reserved")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::a00:1", Some("private")),
            ("64:ff9b::808:808", None),
            ("64:ff9b:1::808:808", Some("reserved")),
            ("2002:7f00:1::", Some("6to4")),
            ("2001:0:1::1", Some("reserved")),
            ("fd12:3456::1", Some("private")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("private")),
            ("ff02::1", Some("multicast")),
            ("2001:db8::1", Some("for documentation")),
            ("100::1", Some("reserved")),
            ("4000::1", Some("reserved")),
            ("2606:4700::1111", None),
        ];
        for (ip, what) in cases {
            assert_eq!(refused(&rule, ip), what, "{ip}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_and_nothing_else() {
        let rule: AddressRule = "127.0.0.1, 10.1.0.0/16,fd00::/8,Hooks.internal".parse().unwrap();
        for ip in ["127.0.0.1", "::ffff:127.0.0.1", "10.1.255.1", "fd00::1", "8.8.8.8"] {
            assert_eq!(refused(&rule, ip), None, "{ip}");
        }
        for ip in ["127.0.0.2", "10.2.0.1", "fe80::1", "64:ff9b::7f00:1"] {
            assert!(refused(&rule, ip).is_some(), "{ip}");
        }
        assert!(rule.check("hooks.internal", "192.168.0.1".parse().unwrap()).is_ok());
        assert!(rule.check("x.hooks.internal", "192.168.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn the_allow_list_is_checked() {
        assert_eq!("".parse(), Ok(AddressRule::default()));
        for bad in ["10.0.0.0/33", "300.1.1.1", "a b", "http://h", "10.0", "*"] {
            assert_eq!(bad.parse::<AddressRule>(), Err(BadAllowed), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_host_address_and_setting() {
        let refused = AddressRule::default().check("localhost", "127.0.0.1".parse().unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "localhost is at 127.0.0.1, which is loopback: no message goes there unless MAESTRO_WEBHOOK_ALLOW names it"
        );
    }
}
