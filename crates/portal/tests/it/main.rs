//! The portal as users and programs meet it: the real program, over real sockets.

mod accounts;
mod backup;
mod cli;
mod described;
mod faults;
mod fixture;
mod library;
mod million;
mod people;
mod rights;
mod signing_in;
mod tls;
mod with_engine;
