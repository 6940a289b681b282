//! The integration tests: one binary with a module per subject, so that they link once.

mod support;

mod backup;
mod bad_day;
mod containers;
mod damage;
mod decode;
mod decode_heif;
mod decode_odd;
mod decode_rare;
mod discover;
mod evolution;
mod faults;
mod fidelity;
mod golden;
mod hostile;
mod ignore_files;
mod index_run;
mod inspect;
mod layers;
mod mosaic;
mod packaging;
mod people;
mod people_terminal;
mod places;
mod raw_develop;
mod raw_makers;
mod recognise;
mod render;
mod reports;
mod roots;
mod search;
mod service;
mod testdata;
mod unit;
mod worker;
