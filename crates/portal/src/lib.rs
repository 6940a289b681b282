//! The portal of Albumen: the web application's server, the only process of Albumen that accepts network
//! connections.
//!
//! [`store`] holds all SQL of `portal.sqlite`; [`rights`] decides, as a pure function, what a subject may do
//! with an object; [`http`] has the routes, as a table that makes the router and that tests enumerate;
//! [`net`] has sockets, TLS and the limits on connections. The library itself is read through [`library`].
#![deny(unsafe_code)]

pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod http;
pub mod library;
pub mod net;
pub mod password;
mod percent;
pub mod relay;
pub mod rights;
pub mod secret;
pub mod setup;
pub mod sign_in;
pub mod store;
pub mod totp;
pub mod webauthn;
mod with_engine;
