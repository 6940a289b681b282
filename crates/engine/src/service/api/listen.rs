//! The sockets and their access control: a client that can open the Unix socket has full access; over TCP, access
//! depends on the token.

use super::refusal::Refusal;
use crate::config::{Config, TcpToken};
use crate::service::access::Access;
use crate::service::{Service, ServiceError};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

/// A secret, and the access that it grants.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: String,
    access: Access,
}

/// The sockets, bound before other work, so that errors are reported immediately.
pub struct Listeners {
    pub(super) unix: Option<(UnixListener, PathBuf)>,
    pub(super) tcp: Option<std::net::TcpListener>,
}

/// Binds the sockets in the config.
pub fn listen(config: &Config) -> Result<Listeners, ServiceError> {
    let socket = &config.service.socket;
    let fail = |why: String| ServiceError::Socket { path: socket.clone(), why };
    let unix = if socket.as_os_str().is_empty() {
        None
    } else {
        if let Some(dir) = socket.parent() {
            std::fs::create_dir_all(dir).map_err(|e| fail(e.to_string()))?;
        }
        // A leftover of a stopped service: the index lock excludes another one on this index.
        if std::fs::symlink_metadata(socket).is_ok_and(|m| m.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(socket).is_ok() {
                return Err(fail("another service answers there".into()));
            }
            std::fs::remove_file(socket).map_err(|e| fail(e.to_string()))?;
        }
        let listener = UnixListener::bind(socket).map_err(|e| fail(e.to_string()))?;
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))
            .map_err(|e| fail(e.to_string()))?;
        listener.set_nonblocking(true)?;
        Some((listener, socket.clone()))
    };
    let tcp = match &config.service.tcp {
        Some(address) => {
            let listener = std::net::TcpListener::bind(address.get_ref())?;
            listener.set_nonblocking(true)?;
            Some(listener)
        }
        None => None,
    };
    Ok(Listeners { unix, tcp })
}

/// The tokens in the config, including those stored in files.
pub fn read_tokens(config: &Config) -> Result<Vec<Token>, ServiceError> {
    let mut tokens = Vec::new();
    for t in &config.service.tokens {
        let secret = match (&t.token, &t.file) {
            (Some(secret), _) => secret.get_ref().clone(),
            (None, Some(file)) => {
                let why = |e| format!("the token `{}` in {} cannot be read: {e}", t.name, file.display());
                std::fs::read_to_string(file).map_err(|e| ServiceError::Token(why(e)))?.trim().to_owned()
            }
            (None, None) => continue,
        };
        if secret.len() < TcpToken::SHORTEST {
            let why = format!("the token `{}` has fewer than {} characters", t.name, TcpToken::SHORTEST);
            return Err(ServiceError::Token(why));
        }
        let spaces = t.spaces.as_ref().map(|s| s.iter().map(|n| n.get_ref().clone()).collect());
        tokens.push(Token { secret, access: Access::to(spaces) });
    }
    Ok(tokens)
}

/// Rejects requests without a valid token, and attaches the access of the others.
pub(super) async fn check_token(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let given = given.and_then(|v| v.split_once(' '));
    let given =
        given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token);
    // Hashes are compared, so that the time does not depend on how much of a token is right.
    let digest = blake3::hash(given.as_bytes());
    let access = {
        let tokens = service.tokens.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let same = |t: &&Token| blake3::hash(t.secret.as_bytes()) == digest;
        tokens.iter().find(same).map(|t| t.access.clone())
    };
    match access {
        Some(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        None => {
            Refusal::new(StatusCode::UNAUTHORIZED, "a valid bearer token is needed".into()).into_response()
        }
    }
}
