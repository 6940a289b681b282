//! The tags, subjects and places of visible items, each with the search that finds its items.

use super::super::{Answer, App, Caller, Json};
use super::asking::{Ask, AskedQuery, asked, read, term, with_query, within_scope};
use albumen_index::IndexReader;
use albumen_index::read::counted::Counted;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

fn shown(ask: &Ask<'_>, of: Counted, query: Option<String>) -> Answer<Value> {
    let line = json!({ "name": of.name, "items": of.items });
    ask.with_cover(with_query(line, query), of.newest)
}

/// What a list of the index counts, under its key; `filter` is the search's word for one of them.
async fn counted(
    app: &Arc<App>,
    caller: &Caller,
    query: AskedQuery,
    (key, filter): (&'static str, &'static str),
    list: fn(&IndexReader, Option<&str>) -> albumen_index::Result<Vec<Counted>>,
) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(app, caller, move |ask| {
        let question = format!("{key} {:?}", asked.space);
        ask.kept(&question, || {
            let all = list(ask.index, asked.space.as_deref()).map_err(read)?.into_iter();
            let lines = all.map(|one| {
                let query = term(filter, &one.name);
                shown(ask, one, query)
            });
            Ok(json!({ key: lines.collect::<Answer<Vec<_>>>()? }))
        })
    });
    Ok(Json(&*answer.await?).into_response())
}

pub async fn tags(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    counted(&app, &caller, query, ("tags", "tag"), IndexReader::visible_tags).await
}

pub async fn subjects(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    counted(&app, &caller, query, ("subjects", "subject"), IndexReader::visible_subjects).await
}

/// Countries with their regions and these with their cities. An unknown region has an empty name.
pub async fn places(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let question = format!("places {:?}", asked.space);
        ask.kept(&question, || {
            let mut countries = Vec::new();
            for country in ask.index.visible_places(asked.space.as_deref()).map_err(read)? {
                let of_country = term("country", &country.code);
                let within = |query: Option<String>| Some(format!("{} {}", of_country.as_ref()?, query?));
                let mut regions = Vec::new();
                for region in country.regions {
                    let cities = region.cities.into_iter().map(|city| {
                        let query = within(term("city", &city.name));
                        shown(ask, city, query)
                    });
                    let cities = cities.collect::<Answer<Vec<_>>>()?;
                    let query = within(term("place", &region.region.name));
                    let mut region = shown(ask, region.region, query)?;
                    region["cities"] = cities.into();
                    regions.push(region);
                }
                let mut line = shown(ask, country.country, of_country)?;
                line["code"] = country.code.into();
                line["regions"] = regions.into();
                countries.push(line);
            }
            Ok(json!({ "countries": countries }))
        })
    });
    Ok(Json(&*answer.await?).into_response())
}
