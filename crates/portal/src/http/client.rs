//! The client: the peer of the connection, or the client that a trusted proxy names.

use crate::config::Portal;
use axum::http::HeaderMap;
use std::net::IpAddr;

/// The peer of a connection; added to each request by the listener.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: IpAddr,
    pub has_tls: bool,
    /// Whether the certificate is of a public authority, so that browsers may insist on TLS.
    pub has_public_certificate: bool,
}

/// The client of a request.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: IpAddr,
    /// Whether the browser uses TLS, to the portal or to the proxy.
    pub has_tls: bool,
    /// Whether the peer is a trusted proxy: then its `trusted_header` counts.
    pub is_proxied: bool,
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Determines the client and removes the headers that a client must not set itself.
pub(super) fn find(peer: Peer, portal: &Portal, headers: &mut HeaderMap) -> Client {
    let is_proxied = portal.trusted_proxies.contain(peer.address);
    if !is_proxied {
        for name in [FORWARDED_FOR, FORWARDED_PROTO, "x-forwarded-host", "forwarded", "x-real-ip"] {
            headers.remove(name);
        }
        if !portal.trusted_header.is_empty() {
            headers.remove(&portal.trusted_header);
        }
        return Client { address: peer.address, has_tls: peer.has_tls, is_proxied };
    }
    let has_tls = match headers.get(FORWARDED_PROTO).and_then(|v| v.to_str().ok()) {
        Some(scheme) => scheme.eq_ignore_ascii_case("https"),
        None => peer.has_tls,
    };
    // Each proxy appends its peer. From the right, the first that is not a trusted proxy is the client.
    let named: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .collect();
    let mut address = peer.address;
    for text in named.iter().rev() {
        let Some(named) = parse(text.trim()) else { break };
        address = named;
        if !portal.trusted_proxies.contain(named) {
            break;
        }
    }
    Client { address, has_tls, is_proxied }
}

/// An address, perhaps in brackets and with a port.
fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn found(peer: &str, headers: &[(&'static str, &'static str)]) -> (Client, HeaderMap) {
        let text = "[portal]\ntrusted_proxies = [\"10.0.0.0/8\"]\ntrusted_header = \"Remote-User\"";
        let portal = Config::parse(text).unwrap().portal;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let client = find(
            Peer { address: peer.parse().unwrap(), has_tls: false, has_public_certificate: false },
            &portal,
            &mut map,
        );
        (client, map)
    }

    #[test]
    fn others_cannot_say_who_they_are() {
        let all = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("remote-user", "admin")];
        let (client, headers) = found("192.0.2.1", &all);
        assert_eq!(client.address.to_string(), "192.0.2.1");
        assert!(!client.has_tls && !client.is_proxied);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_proxy_names_the_client_next_to_it() {
        let (client, headers) = found(
            "10.0.0.1",
            &[("x-forwarded-for", "6.6.6.6, 192.0.2.9, 10.0.0.7"), ("x-forwarded-proto", "https")],
        );
        assert_eq!(client.address.to_string(), "192.0.2.9");
        assert!(client.has_tls && client.is_proxied);
        assert_eq!(headers.len(), 2);
        let (client, _) =
            found("10.0.0.1", &[("x-forwarded-for", "192.0.2.9"), ("x-forwarded-for", "nonsense")]);
        assert_eq!(client.address.to_string(), "10.0.0.1");
        let (client, _) = found("10.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:443")]);
        assert_eq!(client.address.to_string(), "2001:db8::1");
    }
}
