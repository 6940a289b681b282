//! Checks and headers common to all requests: the client, the Host, time limits, and the headers of the
//! answer.

use crate::http::client::{self, Client, Peer};
use crate::http::{App, Problem};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Scripts, styles, frames and connections of the portal only, and nothing inline.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
                   font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
                   base-uri 'self'; frame-ancestors 'none'";
const PERMISSIONS: &str =
    "camera=(), microphone=(), payment=(), usb=(), geolocation=(self), fullscreen=(self)";
/// A year.
const HSTS: &str = "max-age=31536000";

pub(super) async fn frame(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let no_peer =
        Peer { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), has_tls: false, has_public_certificate: false };
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(no_peer);
    let client = client::find(peer, &app.config.portal, request.headers_mut());
    let mut response = match refuse(&app, peer, &client, request.uri(), request.headers()) {
        Some(problem) => problem.into_response(),
        None => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
    };
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, CSP);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    if peer.has_public_certificate {
        put(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn refuse(app: &App, peer: Peer, client: &Client, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
    // Plain HTTP is for this machine and for proxies; the config refuses other listeners, and this check
    // other peers.
    if !app.has_tls() && !client.is_proxied && !crate::config::plain_address(peer.address).is_loopback() {
        let detail = "This port is for the proxy of the portal alone.";
        return Some(Problem::new(StatusCode::FORBIDDEN, "proxy_only", "Not from here", detail));
    }
    match host(uri, headers) {
        Some(host) if is_ours(app, &host) => None,
        _ => {
            let detail = "The portal is not known by this name: an administrator can add it to `names` in albumen.toml.";
            Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", "Unknown host name", detail))
        }
    }
}

/// Host and port of the request: of HTTP/2's `:authority`, else of `Host`, which must occur once.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next();
    if named.next().is_some() {
        return None;
    }
    let text = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => first?.to_str().ok()?,
    };
    (!text.contains('@')).then(|| text.to_ascii_lowercase())
}

/// Without its port, and without the brackets of IPv6.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_ours(app: &App, host: &str) -> bool {
    let name = name_of(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || app.hosts.iter().any(|h| h == name)
}

/// Whether a request comes from the portal's own pages: by Sec-Fetch-Site, which pages cannot forge, else by
/// Origin. `None` if both are missing.
pub(super) fn is_same_origin(client: &Client, uri: &Uri, headers: &HeaderMap) -> Option<bool> {
    if let Some(site) = headers.get("sec-fetch-site") {
        return Some(site == "same-origin");
    }
    let origin = headers.get(header::ORIGIN)?;
    let scheme = if client.has_tls { "https" } else { "http" };
    let own = host(uri, headers).map(|host| format!("{scheme}://{host}"));
    Some(origin.to_str().ok().map(str::to_ascii_lowercase) == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_ports() {
        for (host, name) in [
            ("nas", "nas"),
            ("nas:8443", "nas"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
            ("10.0.0.1:1", "10.0.0.1"),
        ] {
            assert_eq!(name_of(host), name);
        }
    }

    fn asked(has_tls: bool, pairs: &[(&'static str, &'static str)]) -> Option<bool> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let client = Client { address: "192.0.2.1".parse().unwrap(), has_tls, is_proxied: false };
        is_same_origin(&client, &Uri::from_static("/api/v1/me"), &headers)
    }

    #[test]
    fn an_origin_must_be_scheme_host_and_port() {
        let host = ("host", "nas:8443");
        assert_eq!(asked(true, &[host]), None);
        assert_eq!(asked(true, &[host, ("origin", "https://nas:8443")]), Some(true));
        assert_eq!(asked(true, &[host, ("origin", "http://nas:8443")]), Some(false));
        assert_eq!(asked(true, &[host, ("origin", "https://nas")]), Some(false));
        assert_eq!(asked(true, &[host, ("origin", "null")]), Some(false));
        assert_eq!(asked(true, &[host, ("origin", "https://nas:8443.evil.example")]), Some(false));
        assert_eq!(asked(true, &[host, ("sec-fetch-site", "same-origin")]), Some(true));
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(
                asked(true, &[host, ("sec-fetch-site", site), ("origin", "https://nas:8443")]),
                Some(false)
            );
        }
    }

    #[test]
    fn two_hosts_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("host", "a".parse().unwrap());
        headers.append("host", "b".parse().unwrap());
        assert_eq!(host(&Uri::from_static("/"), &headers), None);
        headers.clear();
        headers.append("host", "user@nas".parse().unwrap());
        assert_eq!(host(&Uri::from_static("/"), &headers), None);
    }
}
