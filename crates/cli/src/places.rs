//! `albumen places`: the places of the library with their number of items, or the place at given coordinates.

use super::{Context, NO_START, complain, print_json, say};
use albumen_core::vocabulary::Place;
use albumen_index::search::PlaceCount;
use albumen_library::places::Gazetteer;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct PlacesArgs {
    /// Only this country, by its two-letter code
    #[arg(long, value_name = "CODE", conflicts_with = "at")]
    country: Option<String>,
    /// Look up the place at these coordinates, in degrees; needs no index
    #[arg(long, num_args = 2, value_names = ["LATITUDE", "LONGITUDE"], allow_negative_numbers = true)]
    at: Option<Vec<f64>>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    place: &'a Place,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Spot {
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'static str>,
}

pub(crate) fn run(args: PlacesArgs, ctx: &Context) -> ExitCode {
    if let Some(&[lat, lon]) = args.at.as_deref() {
        return spot(lat, lon, ctx.global.json);
    }
    let index = match ctx.open_read() {
        Ok(index) => index,
        Err(code) => return code,
    };
    let places = match index.places(args.country.map(|c| c.to_uppercase()).as_deref()) {
        Ok(places) => places,
        Err(e) => {
            complain(&e.to_string());
            return ExitCode::from(NO_START);
        }
    };
    if ctx.global.json {
        let lines: Vec<Line> = places.iter().map(|p| Line { place: &p.place, count: p.count }).collect();
        print_json(&lines);
        return ExitCode::SUCCESS;
    }
    for PlaceCount { place, count } in &places {
        say(format_args!("{count:>7}  {}", in_words(place)));
    }
    if places.is_empty() {
        say("No item has a place.");
    }
    ExitCode::SUCCESS
}

fn spot(lat: f64, lon: f64, json: bool) -> ExitCode {
    let gazetteer = Gazetteer::open();
    let spot = Spot { place: gazetteer.place(lat, lon), zone: gazetteer.zone(lat, lon) };
    if json {
        print_json(&spot);
    } else {
        say(spot.place.as_ref().map_or("no place".to_owned(), in_words));
        if let Some(local) = spot.place.as_ref().and_then(|p| p.local.as_ref()) {
            let parts = [&local.city, &local.region, &local.country];
            say(format_args!(
                "there: {}",
                parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
            ));
        }
        if let Some(km) = spot.place.as_ref().and_then(|p| p.km) {
            say(format_args!("{km} km from the centre"));
        }
        if let Some(zone) = spot.zone {
            say(zone);
        }
    }
    ExitCode::SUCCESS
}

/// `Paris, Île-de-France, France`.
fn in_words(place: &Place) -> String {
    let parts = [&place.city, &place.region, &place.country];
    parts.iter().filter_map(|p| p.as_deref()).collect::<Vec<_>>().join(", ")
}
