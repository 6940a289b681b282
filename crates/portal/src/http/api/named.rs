//! What visible items are found by: tags, subjects, places. Each with the search that finds its items.

use super::super::{Answer, App, Caller, Json};
use super::asking::{Ask, AskedQuery, asked, read, term, with_query, within_scope};
use albumen_index::read::counted::Counted;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

fn shown(ask: &Ask<'_>, of: Counted, query: Option<String>) -> Answer<Value> {
    let line = json!({ "name": of.name, "items": of.items });
    ask.with_cover(with_query(line, query), of.newest)
}

pub async fn tags(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let question = format!("tags {:?}", asked.space);
        ask.kept(&question, || {
            let tags = ask.index.visible_tags(asked.space.as_deref()).map_err(read)?.into_iter();
            let tags = tags.map(|tag| {
                let query = term("tag", &tag.name);
                shown(ask, tag, query)
            });
            Ok(json!({ "tags": tags.collect::<Answer<Vec<_>>>()? }))
        })
    });
    Ok(Json(&*answer.await?).into_response())
}

pub async fn subjects(State(app): State<Arc<App>>, caller: Caller, query: AskedQuery) -> Answer<Response> {
    let asked = asked(query)?;
    let answer = within_scope(&app, &caller, move |ask| {
        let question = format!("subjects {:?}", asked.space);
        ask.kept(&question, || {
            let subjects = ask.index.visible_subjects(asked.space.as_deref()).map_err(read)?.into_iter();
            let subjects = subjects.map(|subject| {
                let query = term("subject", &subject.name);
                shown(ask, subject, query)
            });
            Ok(json!({ "subjects": subjects.collect::<Answer<Vec<_>>>()? }))
        })
    });
    Ok(Json(&*answer.await?).into_response())
}

/// Countries with their regions and these with their cities. Where no region is known its name is empty.
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
