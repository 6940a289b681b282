//! The portal as users and programs meet it: the real program, over real sockets.

mod accounts;
mod cli;
mod described;
mod faults;
mod fixture;
mod rights;
mod signing_in;
mod tls;
