//! Errors as RFC 9457 problem documents, with messages for users.

use crate::library::LibraryError;
use crate::password::PasswordError;
use crate::sign_in::Refusal;
use crate::store::{AccountError, GroupError, StoreError};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// An error answer. `kind` is its stable identifier for programs and translations, and the end of its `type`.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<i64>,
    people: Vec<Value>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    people: &'a [Value],
}

impl Problem {
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Problem {
        Problem { status, kind, title, detail: detail.into(), retry_after: None, people: Vec::new() }
    }

    /// For both missing and invisible objects: the same answer, byte for byte.
    pub fn not_found() -> Problem {
        let detail = "There is nothing at this address, or you may not see it.";
        Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    pub fn sign_in_needed() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "sign_in_needed",
            "Please sign in",
            "This needs an account: sign in first.",
        )
    }

    pub fn bad_token() -> Problem {
        let detail = "The token is not known, has ended, or belongs to a disabled account.";
        Problem::new(StatusCode::UNAUTHORIZED, "bad_token", "The token is not valid", detail)
    }

    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid", "The request is not valid", detail)
    }

    pub fn conflict(kind: &'static str, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(StatusCode::CONFLICT, kind, "This cannot be done as things are", detail)
    }

    pub fn cross_site() -> Problem {
        let detail =
            "A change must come from the portal's own pages: the request has no Origin of this portal.";
        Problem::new(StatusCode::FORBIDDEN, "cross_site", "Not from another site", detail)
    }

    pub fn confirm_needed() -> Problem {
        let detail = "This changes how the account is protected: give the password again first.";
        Problem::new(StatusCode::FORBIDDEN, "confirm_needed", "Please confirm that it is you", detail)
    }

    pub fn busy(detail: impl Into<Cow<'static, str>>, retry_after: i64) -> Problem {
        let title = "Please try again later";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail);
        Problem { retry_after: Some(retry_after), ..problem }
    }

    pub fn internal() -> Problem {
        let detail = "The portal could not do this; its log says why.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong", detail)
    }

    /// The same with the people whom it is about, in the form of `GET /people`.
    pub fn with_people(self, people: Vec<Value>) -> Problem {
        Problem { people, ..self }
    }

    /// The error as a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: format!("urn:albumen:problem:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            people: &self.people,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"albumen\""));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(e: StoreError) -> Problem {
        tracing::error!("{e}");
        match e {
            StoreError::Full => Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk_full",
                "The disk is full",
                "The disk of the portal's own data is full: an administrator must make room.",
            ),
            _ => Problem::internal(),
        }
    }
}

impl From<LibraryError> for Problem {
    fn from(e: LibraryError) -> Problem {
        tracing::error!("{e}");
        match e {
            LibraryError::Open(_) => {
                let detail = "The photo library cannot be opened now: the engine may be starting, or has not indexed anything yet.";
                Problem::busy(detail, 10)
            }
            _ => Problem::internal(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(e: AccountError) -> Problem {
        match e {
            AccountError::NameTaken(_) => Problem::conflict("name_taken", sentence(&e)),
            AccountError::SpaceTaken(_) => Problem::conflict("space_taken", sentence(&e)),
            AccountError::LastAdministrator => Problem::conflict("last_administrator", sentence(&e)),
            AccountError::BadName(_) => Problem::invalid(sentence(&e)),
            AccountError::Missing => Problem::not_found(),
            AccountError::Store(e) => e.into(),
        }
    }
}

impl From<GroupError> for Problem {
    fn from(e: GroupError) -> Problem {
        match e {
            GroupError::NameTaken(_) => Problem::conflict("name_taken", sentence(&e)),
            GroupError::BadName(_) | GroupError::NoAccount(_) => Problem::invalid(sentence(&e)),
            GroupError::Missing => Problem::not_found(),
            GroupError::Store(e) => e.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(e: PasswordError) -> Problem {
        match e {
            PasswordError::Hash(why) => {
                tracing::error!("a password cannot be hashed: {why}");
                Problem::internal()
            }
            e => Problem::new(
                StatusCode::BAD_REQUEST,
                "weak_password",
                "Choose another password",
                sentence(&e),
            ),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(e: Refusal) -> Problem {
        let refused =
            |kind, title, e: &Refusal| Problem::new(StatusCode::UNAUTHORIZED, kind, title, sentence(e));
        match e {
            Refusal::Wrong => refused("wrong_password", "Sign-in failed", &e),
            Refusal::CodeNeeded => refused("code_needed", "A code is needed", &e),
            Refusal::CodeWrong => refused("wrong_code", "Sign-in failed", &e),
            Refusal::Wait(seconds) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let problem = Problem::new(status, "too_many_attempts", "Please wait", sentence(&e));
                Problem { retry_after: Some(seconds), ..problem }
            }
            Refusal::Store(e) => e.into(),
        }
    }
}

/// An error message as a sentence.
fn sentence(e: &dyn std::fmt::Display) -> String {
    let text = e.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
