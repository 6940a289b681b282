//! Error responses: a status, and the reason for users.

use crate::service::access::Access;
use albumen_index::Error as IndexError;
use albumen_index::people::Conflict;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Value of Retry-After, in seconds, for too many requests and for a full disk.
const RETRY_AFTER_S: u64 = 5;
const RETRY_FULL_AFTER_S: u64 = 60;

/// Converts error responses of the framework (for a parameter, a path, a method) to the JSON form.
pub(super) async fn refused_in_json(response: Response) -> Response {
    /// Each is one line.
    const LONGEST: usize = 4096;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !status.is_client_error() || is_json {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).cloned();
    let said = axum::body::to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    let why = match (status, said.is_empty()) {
        (StatusCode::NOT_FOUND, true) => {
            "there is nothing at this path; docs/openapi.yaml lists them".to_owned()
        }
        (StatusCode::METHOD_NOT_ALLOWED, _) => "this path is asked by another method".to_owned(),
        _ => String::from_utf8_lossy(&said).into_owned(),
    };
    let mut refused = Refusal::new(status, why).into_response();
    refused.headers_mut().extend(allowed.map(|a| (header::ALLOW, a)));
    refused
}

/// An error response: status, and the reason for users.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
    /// For programs: which contradiction it is.
    reason: Option<Conflict>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: String) -> Refusal {
        Refusal { status, why, reason: None }
    }

    /// An edit of people that contradicts another edit or a fact.
    pub(super) fn conflict(reason: Conflict, why: String) -> Refusal {
        Refusal { status: StatusCode::CONFLICT, why, reason: Some(reason) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.why });
        if let Some(reason) = self.reason {
            body["reason"] = json!(reason);
        }
        let mut response = (self.status, Json(body)).into_response();
        let mut after =
            |seconds| response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        let _ = match self.status {
            StatusCode::TOO_MANY_REQUESTS => after(RETRY_AFTER_S),
            StatusCode::INSUFFICIENT_STORAGE => after(RETRY_FULL_AFTER_S),
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            _ => None,
        };
        response
    }
}

pub(super) type Answer<T> = Result<T, Refusal>;

pub(super) fn broken(e: impl std::fmt::Display) -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the index cannot be used: {e}"))
}

impl From<IndexError> for Refusal {
    fn from(e: IndexError) -> Refusal {
        match e {
            IndexError::DiskFull => {
                let why = "the disk with the index is full: nothing was changed; make room and ask again";
                Refusal::new(StatusCode::INSUFFICIENT_STORAGE, why.into())
            }
            e => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
        }
    }
}

pub(super) fn no_such(what: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

pub(super) fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, why.into())
}

/// A JSON body, as extracted.
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// A JSON body, or the error in JSON form.
pub(super) fn given<T>(body: Body<T>) -> Answer<T> {
    body.map(|Json(value)| value).map_err(|e| match e.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(status, "the body is larger than `service.uploads.max_body` of the config".into())
        }
        status => Refusal::new(status, e.body_text()),
    })
}

/// Data about all spaces is not available to a token restricted to some spaces.
pub(super) fn for_all_spaces(access: &Access) -> Answer<()> {
    if !access.is_limited() {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "this token is limited to some spaces".into()))
    }
}

/// The spaces of a query: the one it names, else all that the caller may read (`None`: no restriction).
pub(super) fn asked(access: &Access, space: Option<String>) -> Answer<Option<Vec<String>>> {
    match space {
        Some(space) if !access.may_see(&space) => Err(no_such("space")),
        Some(space) => Ok(Some(vec![space])),
        None => Ok(access.spaces().map(<[String]>::to_vec)),
    }
}
