//! Networks in CIDR notation, and the network that a client's attempts are counted for.

use serde::{Deserialize, Deserializer};
use std::net::IpAddr;

/// A list of addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<(u128, u8, bool)>);

impl Networks {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contain(&self, address: IpAddr) -> bool {
        let (bits, is_v6) = bits_of(plain(address));
        self.0.iter().any(|(network, prefix, v6)| *v6 == is_v6 && mask(bits, *prefix) == *network)
    }

    fn read(text: &str) -> Option<(u128, u8, bool)> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, is_v6) = bits_of(address);
        let longest = if is_v6 { 128 } else { 32 };
        let prefix = prefix.unwrap_or(longest);
        // 32-bit addresses are in the top bits of the 128.
        (prefix <= longest).then(|| (mask(bits, prefix), prefix, is_v6))
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Networks, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read = |text: &String| {
            let why = format!("`{text}` is no network: write an address such as 10.0.0.2, or 10.0.0.0/8");
            Networks::read(text).ok_or_else(|| serde::de::Error::custom(why))
        };
        Ok(Networks(texts.iter().map(read).collect::<Result<_, _>>()?))
    }
}

/// An IPv4 address that came over an IPv6 socket is an IPv4 address.
pub fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn bits_of(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, false),
        IpAddr::V6(v6) => (u128::from(v6), true),
    }
}

fn mask(bits: u128, prefix: u8) -> u128 {
    if prefix == 0 { 0 } else { bits & (u128::MAX << (128 - u32::from(prefix.min(128)))) }
}

/// The network that a client's attempts and connections are counted for: an IPv4 address, or the /64 that one subscriber has.
pub fn client_network(address: IpAddr) -> String {
    match plain(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let network = std::net::Ipv6Addr::from(mask(u128::from(v6), 64));
            format!("{network}/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks(texts.iter().map(|t| Networks::read(t).unwrap()).collect())
    }

    #[test]
    fn networks_contain_their_addresses() {
        let some = networks(&["10.0.0.0/8", "192.168.1.2", "fd00::/8", "::1"]);
        for inside in ["10.255.0.1", "192.168.1.2", "fdff::1", "::1", "::ffff:10.1.2.3"] {
            assert!(some.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "192.168.1.3", "fe80::1", "::2", "::ffff:11.1.2.3", "::10.0.0.1"] {
            assert!(!some.contain(outside.parse().unwrap()), "{outside}");
        }
        assert!(networks(&["0.0.0.0/0"]).contain("8.8.8.8".parse().unwrap()));
        assert!(!networks(&["0.0.0.0/0"]).contain("2001:db8::1".parse().unwrap()));
        assert_eq!(Networks::read("10.0.0.0/33"), None);
        assert_eq!(Networks::read("nas"), None);
    }

    #[test]
    fn a_subscriber_is_one_network() {
        let of = |text: &str| client_network(text.parse().unwrap());
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2:ffff::9"), of("2001:db8:1:2:3::4"));
    }
}
