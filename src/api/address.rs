//! Where a request comes from, as far as limits are concerned.

use actix_web::HttpRequest;
use ipnet::IpNet;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The header in which proxies write for whom they ask, the nearest last.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The part of an IPv6 address that tells one network: a host may take any address in it.
const V6_NETWORK: u128 = !0 << 64;

/// An IPv4 address, or an IPv6 network of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    /// Where the request comes from. What `X-Forwarded-For` says counts as far as `proxies` have written it: anybody can
    /// send that header, and would have an address for every request.
    pub(super) fn of(request: &HttpRequest, proxies: &[IpNet]) -> Self {
        let peer = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let headers = request.headers().get_all(FORWARDED_FOR);
        let named: Vec<&str> =
            headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        Self::seen(peer, &named, proxies)
    }

    fn seen(peer: IpAddr, named: &[&str], proxies: &[IpNet]) -> Self {
        let mut address = peer.to_canonical();
        for name in named.iter().rev() {
            if !proxies.iter().any(|proxy| proxy.contains(&address)) {
                break;
            }
            let Some(before) = parse(name.trim()) else { break };
            address = before.to_canonical();
        }
        address.into()
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & V6_NETWORK).into(),
        })
    }
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

impl Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: [&str; 3] = ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"];

    #[track_caller]
    fn seen(peer: &str, forwarded: &str, network: &str) {
        let proxies = PROXIES.map(|proxy| proxy.parse().unwrap());
        let named: Vec<&str> = forwarded.split(',').collect();
        assert_eq!(Network::seen(peer.parse().unwrap(), &named, &proxies).to_string(), network);
    }

    #[test]
    fn only_a_proxy_is_believed() {
        seen("198.51.100.7", "203.0.113.9", "198.51.100.7");
        seen("10.0.0.1", "203.0.113.9", "203.0.113.9");
        seen("::ffff:10.0.0.1", "203.0.113.9:4711", "203.0.113.9");
        seen("fd00::1", "[2001:db8::1]:443", "2001:db8::/64");
    }

    #[test]
    fn what_stands_before_the_last_proxys_word_is_not_believed() {
        seen("10.0.0.1", "1.1.1.1, 203.0.113.9, 192.0.2.1", "203.0.113.9");
        seen("10.0.0.1", "1.1.1.1, nonsense, 10.9.9.9", "10.9.9.9");
        seen("10.0.0.1", "", "10.0.0.1");
        seen("10.0.0.1", "10.0.0.2", "10.0.0.2");
    }

    #[test]
    fn an_ipv6_network_is_one() {
        seen("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64");
        seen("2001:db8:1:2::9", "", "2001:db8:1:2::/64");
        seen("::ffff:198.51.100.7", "", "198.51.100.7");
    }
}
