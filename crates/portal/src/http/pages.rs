//! Pages that are not the API: the application, the setup of the first account, the local authority's certificate.

use super::api::setup::{First, create};
use super::client::Client;
use super::frame::is_same_origin;
use super::{Answer, App, Caller, Credential, Problem, assets};
use crate::rights::Subject;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use serde::Deserialize;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home))
        .route("/setup", get(setup).post(set_up))
        .route("/ca", get(authority))
        .route("/ca.crt", get(certificate))
        .route("/plain.css", get(style))
        // The application has no view below these: an unknown address of the API is not found.
        .route("/api", any(unknown))
        .route("/api/{*path}", any(unknown))
        .route("/{*path}", get(file))
}

async fn unknown() -> Problem {
    Problem::not_found()
}

/// A file of the front end; any other address is a view of the application.
async fn file(State(app): State<Arc<App>>, headers: HeaderMap, Path(path): Path<String>) -> Response {
    match assets::find(&path) {
        Some(asset) => assets::answer(&app, asset, &headers),
        // A missing file is not answered with the application: a browser would parse it as a broken script.
        None if path.rsplit('/').next().is_some_and(|name| name.contains('.')) => {
            Problem::not_found().into_response()
        }
        None => home(State(app), headers).await,
    }
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match assets::find("index.html") {
        Some(asset) => assets::answer(&app, asset, &headers),
        None => page(
            &app,
            "Albumen",
            "<p>This build of the portal has no front end in it; its API at <code>api/v1</code> is complete.</p>\
             <p>To build it (Node.js 18 or later): <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, then build the \
             portal again with cargo.</p>",
        ),
    }
}

/// The style of the pages below, which have no script.
async fn style() -> Response {
    const CSS: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}\
        label{display:block;margin-top:1rem}input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}\
        button{font:inherit;margin-top:1.5rem;padding:.5rem 1.5rem}code{overflow-wrap:anywhere}[role=alert]{font-weight:bold}";
    let mut response = CSS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn page(app: &App, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><link rel=\"stylesheet\" href=\"{}\"></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>",
        app.path("plain.css")
    );
    let mut response = Html(text).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Escapes text for HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[derive(Deserialize)]
struct SetupLink {
    #[serde(default)]
    token: String,
}

async fn setup(State(app): State<Arc<App>>, Query(link): Query<SetupLink>) -> Answer<Response> {
    if app.store.has_accounts()? {
        let text = format!("<p>There is an account already. <a href=\"{}\">Sign in</a>.</p>", app.path(""));
        return Ok(page(&app, "Albumen is set up", &text));
    }
    Ok(setup_form(&app, &link.token, "", None))
}

fn setup_form(app: &App, token: &str, account: &str, why: Option<&str>) -> Response {
    let why = why.map(|why| format!("<p role=\"alert\">{}</p>", escape(why))).unwrap_or_default();
    let form = format!(
        "<p>This makes the first account, an administrator.</p>{why}<form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <label>Account name<input name=\"account\" autocomplete=\"username\" required maxlength=\"64\" value=\"{}\"></label>\
         <label>Password<input name=\"password\" type=\"password\" autocomplete=\"new-password\" required minlength=\"8\"></label>\
         <button>Make the account</button></form>",
        app.path("setup"),
        escape(token),
        escape(account)
    );
    page(app, "Set up Albumen", &form)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupForm {
    token: String,
    account: String,
    password: String,
}

async fn set_up(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    uri: Uri,
    headers: HeaderMap,
    Form(form): Form<SetupForm>,
) -> Response {
    if is_same_origin(&client, &uri, &headers) == Some(false) {
        return Problem::cross_site().into_response();
    }
    let caller = Caller {
        subject: Subject::anonymous(),
        account: None,
        credential: Credential::Nothing,
        address: client.address,
        visitor: None,
        agent: headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned(),
    };
    let (token, account) = (form.token.clone(), form.account.clone());
    let first =
        First { token: form.token, account: form.account, password: form.password, display_name: None };
    match create(&app, &caller, first).await {
        Ok(signed_in) => {
            let to = HeaderValue::from_str(&app.path("")).unwrap_or(HeaderValue::from_static("/"));
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
            response.headers_mut().extend(
                signed_in
                    .headers()
                    .get_all(header::SET_COOKIE)
                    .iter()
                    .map(|c| (header::SET_COOKIE, c.clone())),
            );
            response
        }
        Err(problem) => {
            let mut response = setup_form(&app, &token, &account, Some(problem.detail()));
            *response.status_mut() = problem.status();
            response
        }
    }
}

async fn authority(State(app): State<Arc<App>>) -> Answer<Response> {
    let authority = app.authority.as_ref().ok_or_else(Problem::not_found)?;
    let body = format!(
        "<p>This portal has made its certificate itself. Browsers trust it once the certificate of its authority is installed \
         on the device; it vouches for this portal's names and addresses of home networks only.</p>\
         <p><a href=\"{}\" download=\"albumen-ca.crt\">Download the certificate</a></p>\
         <p>SHA-256 fingerprint, to compare with what <code>albumen-portal check</code> prints on the NAS:<br><code>{}</code></p>\
         <h2>Installing it</h2><ul>\
         <li>iPhone, iPad: open the file, install the profile in Settings, then switch it on under General, About, Certificate \
         Trust Settings.</li>\
         <li>Android: Settings, Security, Encryption and credentials, Install a certificate, CA certificate.</li>\
         <li>Windows: open the file, Install Certificate, Local Machine, Trusted Root Certification Authorities.</li>\
         <li>macOS: open the file in Keychain Access, and set it to Always Trust.</li>\
         <li>Firefox: Settings, Certificates, View Certificates, Authorities, Import.</li></ul>",
        app.path("ca.crt"),
        authority.fingerprint()
    );
    Ok(page(&app, "The certificate of this portal", &body))
}

async fn certificate(State(app): State<Arc<App>>) -> Answer<Response> {
    let authority = app.authority.as_ref().ok_or_else(Problem::not_found)?;
    let mut response = authority.certificate_pem().to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-x509-ca-cert"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
