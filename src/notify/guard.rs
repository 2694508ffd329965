//! Where requests may go: the open internet, and those private networks that the configuration names.
//!
//! What is judged is the address that is connected to, after the name was resolved, and each name is resolved by us at
//! each connection: a name that changes its mind between the look and the connection gains nothing. Redirects are not
//! followed, proxies of the environment are not asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A network: an address and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// From `10.0.0.0/8`, or one address.
    ///
    /// # Errors
    /// A sentence why it is none.
    pub fn parse(text: &str) -> Result<Network, String> {
        let wanted = || format!("{text:?} is not a network such as 10.20.0.0/16 or fd00::/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wanted())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |bits| bits.trim().parse().map_err(|_| wanted()))?;
        if bits > all { Err(wanted()) } else { Ok(Network { address, bits }) }
    }

    fn holds(&self, ip: IpAddr) -> bool {
        let shared = |a: u128, b: u128, width: u32| {
            let rest = width - u32::from(self.bits);
            rest >= width || (a ^ b) >> rest == 0
        };
        match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => shared(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// A request that must not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The address is private and not allowed.
    #[error(
        "{0} is inside: requests to private addresses are refused unless notify.private_networks names their network"
    )]
    Inside(IpAddr),
    /// The name has no address.
    #[error("{0:?} has no address")]
    NoAddress(String),
    /// The name could not be resolved.
    #[error("{0:?} cannot be resolved")]
    Unresolved(String),
    /// No address of the web.
    #[error("it is not an http or https address")]
    NotHttp,
}

/// The judge.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Arc<[Network]>,
}

impl Guard {
    /// That lets requests into these networks, too.
    pub fn new(allowed: Vec<Network>) -> Guard {
        Guard { allowed: allowed.into() }
    }

    /// Whether a connection to an address may be made.
    ///
    /// # Errors
    /// It is inside.
    pub fn check(&self, ip: IpAddr) -> Result<(), NotAllowed> {
        let meant = meant(ip);
        let is_allowed = self.allowed.iter().any(|network| network.holds(meant) || network.holds(ip));
        if is_allowed || !is_inside(meant) { Ok(()) } else { Err(NotAllowed::Inside(ip)) }
    }

    /// Whether a request to an address of the web may be tried. A name is judged when it is resolved.
    ///
    /// # Errors
    /// The host is an address inside, or it is no address of the web.
    pub fn check_url(&self, url: &reqwest::Url) -> Result<(), NotAllowed> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotAllowed::NotHttp);
        }
        // The parser has turned `127.1`, `0x7f.1` and `2130706433` into the address that they are.
        let host = url.host_str().ok_or(NotAllowed::NotHttp)?;
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(ip) => self.check(ip),
            Err(_) => Ok(()),
        }
    }

    /// The addresses of a host that may be connected to.
    ///
    /// # Errors
    /// There is none, or every one is inside.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NotAllowed> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((bare, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| NotAllowed::Unresolved(host.to_owned()))?.collect();
        let mut refused = NotAllowed::NoAddress(host.to_owned());
        let mut allowed = Vec::new();
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(why) => refused = why,
            }
        }
        if allowed.is_empty() { Err(refused) } else { Ok(allowed) }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let allowed = Guard::resolve(&guard, name.as_str(), 0).await?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The address that packets end at: those of IPv4 inside IPv6 as what they are (RFC 4291, 6052, 3056).
fn meant(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => v4(g, h),
        [0, 0, 0, 0, 0, 0] if g != 0 => v4(g, h),
        [0x2002, ..] => v4(b, c),
        _ => ip,
    }
}

/// Loopback, private, shared, link-local (cloud metadata among them), multicast, reserved, documentation.
fn is_inside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(ip) => {
            let first = ip.segments()[0];
            ip == Ipv6Addr::UNSPECIFIED
                || ip.is_loopback()
                || ip.is_multicast()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                || (first == 0x2001 && ip.segments()[1] == 0xdb8)
                || (first == 0x64 && ip.segments()[1] == 0xff9b && ip.segments()[2] == 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, url: &str, expected: bool) {
        let parsed = reqwest::Url::parse(url).unwrap();
        assert_eq!(guard.check_url(&parsed).is_ok(), expected, "{url}");
    }

    #[test]
    fn every_way_to_write_an_inner_address_is_refused() {
        let guard = Guard::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0",
            "0.0.0.0",
            "169.254.169.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fec0::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[fd00:ec2::254]",
        ] {
            check(&guard, &format!("http://{host}/x"), false);
        }
        for host in ["203.1.113.9", "8.8.8.8", "[2606:4700::1111]", "172.32.0.1", "100.128.0.1", "example.vn"] {
            check(&guard, &format!("https://{host}:8443/x"), true);
        }
        for other in ["ftp://8.8.8.8/", "file:///etc/passwd", "unix:/run/x"] {
            check(&guard, other, false);
        }
    }

    #[test]
    fn a_named_network_and_nothing_beside_it_is_let_in() {
        let networks = ["10.20.0.0/16", "127.0.0.1", "fd00::/8"].map(|text| Network::parse(text).unwrap());
        let guard = Guard::new(networks.to_vec());
        for (host, expected) in [
            ("10.20.255.255", true),
            ("10.21.0.0", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("[::ffff:10.20.1.1]", true),
            ("[fd12::1]", true),
            ("[fe80::1]", false),
        ] {
            check(&guard, &format!("http://{host}/"), expected);
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0", "fd00::/129", "a/#/b", "10.0.0.0/-1"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Guard::new(vec![Network::parse("0.0.0.0/0").unwrap()]).check([127, 0, 0, 1].into()).is_ok());
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let refused = Guard::resolve(&Guard::default(), "localhost", 80).await.unwrap_err();
        assert!(matches!(refused, NotAllowed::Inside(ip) if ip.is_loopback()), "{refused}");
        let allowed = Guard::new(vec![Network::parse("127.0.0.0/8").unwrap()]);
        let found = Guard::resolve(&allowed, "localhost", 80).await.unwrap();
        assert!(found.iter().all(|address| address.ip() == IpAddr::from([127, 0, 0, 1])));
    }
}
