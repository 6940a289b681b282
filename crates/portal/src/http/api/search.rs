//! Search aids: suggestions, counts per condition, and the map.

use super::super::{Answer, App, Caller, Json, Problem};
use super::asking::{AskedQuery, asked, read, searched, term, with_query, within_scope};
use crate::config::Spaces;
use crate::store::FolderPath;
use albumen_index::query::Area;
use albumen_index::read::facets::Facet;
use albumen_index::read::suggest::{Suggested, fits, typed};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The maximum number of suggested albums.
const ALBUMS: usize = 8;
/// The maximum length of a search prefix, in characters.
const LONGEST: usize = 200;
/// The maximum number of clusters on a map: those with most items.
const CLUSTERS: usize = 2000;
/// The highest zoom level of web maps.
const LARGEST_ZOOM: u8 = 22;

pub async fn suggest(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let text: String = asked(query)?.q.unwrap_or_default().chars().take(LONGEST).collect();
    let answer = within_scope(&app, &caller, move |ask| {
        let mut suggestions = Vec::new();
        // A link to selected items shows no names except those of its items.
        if ask.scope.items.is_none() {
            let spaces = ask.app.spaces()?;
            let found = ask.index.suggest(&text).map_err(read)?.into_iter();
            suggestions.extend(found.filter_map(|one| suggestion(&spaces, one)));
        }
        let typed = typed(&text);
        let albums = ask.albums()?.into_iter().map(|(album, _)| album);
        let mut albums: Vec<_> = albums.filter_map(|a| Some((fits(&a.name, &typed)?, a))).collect();
        albums.sort_by_key(|(rank, _)| *rank);
        for (_, album) in albums.into_iter().take(ALBUMS) {
            let query = term("album", &album.name);
            suggestions
                .push(with_query(json!({ "kind": "album", "name": album.name, "id": album.id }), query));
        }
        Ok(json!({ "suggestions": suggestions }))
    });
    Ok(Json(answer.await?).into_response())
}

fn suggestion(spaces: &Spaces, one: Suggested) -> Option<Value> {
    let within = |code: &str, query: Option<String>| Some(format!("{} {}", term("country", code)?, query?));
    Some(match one {
        Suggested::Person { id, name, space } => {
            let query = term("person", &name);
            with_query(json!({ "kind": "person", "name": name, "person": id, "space": space }), query)
        }
        Suggested::Tag(name) => {
            let query = term("tag", &name);
            with_query(json!({ "kind": "tag", "name": name }), query)
        }
        Suggested::Subject(name) => {
            let query = term("subject", &name);
            with_query(json!({ "kind": "subject", "name": name }), query)
        }
        Suggested::Country { code, name } => {
            with_query(json!({ "kind": "country", "name": name, "country": code }), term("country", &code))
        }
        Suggested::Region { code, name } => {
            let query = within(&code, term("place", &name));
            with_query(json!({ "kind": "region", "name": name, "country": code }), query)
        }
        Suggested::City { code, name } => {
            let query = within(&code, term("city", &name));
            with_query(json!({ "kind": "city", "name": name, "country": code }), query)
        }
        Suggested::Folder { space, volume, path } => {
            let shown = spaces.named(&space)?.shown(&FolderPath::new(&space, volume, path))?;
            let name = shown.rsplit('/').next().unwrap_or(&shown).to_owned();
            json!({ "kind": "folder", "name": name, "space": space, "path": shown })
        }
    })
}

pub async fn facets(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let make = || {
            let facets = ask.index.facets(&ask.search(&asked)?, &ask.narrowed(&asked)?).map_err(searched)?;
            let mut of = Map::new();
            for (condition, values) in facets.of {
                of.insert(condition.into(), values.into_iter().map(|v| facet(condition, v)).collect());
            }
            Ok(json!({ "items": facets.items, "facets": of }))
        };
        // Of everything visible, or of a space: reads every item, and is requested whenever the panel is
        // opened.
        let is_whole = asked.q.as_deref().is_none_or(str::is_empty)
            && asked.folder.is_none()
            && asked.album.is_none()
            && asked.person.is_none()
            && asked.day.is_none();
        if is_whole { ask.kept(&format!("facets {:?}", asked.space), make) } else { make().map(Arc::new) }
    });
    Ok(Json(&*answer.await?).into_response())
}

fn facet(condition: &str, value: Facet) -> Value {
    let text = value.value.as_str();
    let query = match condition {
        "is" if text == "gps" => Some("has:gps".into()),
        "kind" | "format" | "rating" | "iso" | "focal" | "exposure" | "is" => {
            Some(format!("{condition}:{text}"))
        }
        "year" => Some(format!("date:{text}")),
        "aperture" => Some(format!("f:{text}")),
        "person" => value.name.as_deref().and_then(|name| term("person", name)),
        _ => term(condition, text),
    };
    let mut shown = json!({ "value": value.value, "items": value.items });
    if let (Some(keys), Some(name)) = (shown.as_object_mut(), value.name) {
        keys.insert("name".into(), name.into());
    }
    with_query(shown, query)
}

/// South, west, north, east; west may be greater than east, across the date line.
fn area(text: &str) -> Answer<Area> {
    let wrong = || {
        let example = "write box=SOUTH,WEST,NORTH,EAST in degrees, such as box=47.3,5.9,55.1,15.1";
        Problem::invalid(format!("{text:?} is no part of a map: {example}."))
    };
    let parts: Vec<f64> = text.split(',').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let &[south, west, north, east] = parts.as_slice() else { return Err(wrong()) };
    let fits = south <= north
        && [south, north].iter().all(|lat| (-90.0..=90.0).contains(lat))
        && [west, east].iter().all(|lon| (-180.0..=180.0).contains(lon));
    if fits { Ok(Area { south, west, north, east, circle: None }) } else { Err(wrong()) }
}

pub async fn map(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let area = area(asked.r#box.as_deref().unwrap_or("-90,-180,90,180"))?;
    let zoom = asked.zoom.unwrap_or(0).min(LARGEST_ZOOM);
    let answer = within_scope(&app, &caller, move |ask| {
        let (search, within) = (ask.search(&asked)?, ask.narrowed(&asked)?);
        let mut clusters = ask.index.clusters(&search, &within, area, zoom).map_err(searched)?;
        let items: u64 = clusters.iter().map(|c| c.items).sum();
        clusters.truncate(CLUSTERS);
        let shown = clusters.into_iter().map(|c| {
            let line =
                json!({ "lat": c.lat, "lon": c.lon, "items": c.items, "box": c.bounds, "item": c.cover });
            ask.with_cover(line, Some(c.cover))
        });
        Ok(json!({ "items": items, "clusters": shown.collect::<Answer<Vec<_>>>()? }))
    });
    Ok(Json(answer.await?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_map_has_four_sides() {
        let read = area("47.3,5.9,55.1,15.1").unwrap();
        assert_eq!((read.south, read.west, read.north, read.east), (47.3, 5.9, 55.1, 15.1));
        assert!(area("-10,170,10,-170").is_ok(), "across the date line");
        for wrong in
            ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "10,0,-10,0", "0,0,91,0", "0,-181,0,0", "nan,0,0,0"]
        {
            assert!(area(wrong).is_err(), "{wrong}");
        }
    }
}
