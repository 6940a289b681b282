//! Sockets: TLS, limits on connections, slow and silent clients, orderly shutdown.

pub mod authority;
mod connections;
mod server;
mod stream;
pub mod tls;

pub use server::{ServeError, serve};

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// The names of this host: as it calls itself, with `.local` for mDNS, and localhost.
pub fn host_names() -> Vec<String> {
    let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let mut names = Vec::new();
    if !own.is_empty() && own.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
        let short = own.split('.').next().unwrap_or(&own).to_owned();
        names.extend([own.clone(), format!("{short}.local"), short]);
    }
    names.push("localhost".to_owned());
    let mut seen = std::collections::HashSet::new();
    names.retain(|n| seen.insert(n.clone()));
    names
}

/// The addresses of this host on its networks, and loopback. Nothing is sent: a UDP socket only looks up the
/// route.
pub fn host_addresses() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> =
        vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    for (from, to) in
        [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9"), ("0.0.0.0:0", "10.255.255.1:9")]
    {
        let Ok(socket) = UdpSocket::bind(from) else { continue };
        let own = socket.connect(to).and_then(|()| socket.local_addr()).map(|a: SocketAddr| a.ip());
        if let Ok(own) = own
            && !own.is_unspecified()
            && !addresses.contains(&own)
        {
            addresses.push(own);
        }
    }
    addresses
}
