//! An HTTP component that counts requests for each path in a key-value store.
//!
//! GET /PATH     counts and answers {"greeting":…,"path":…,"count":…}
//! DELETE /PATH  forgets the count
//! GET /keys     lists what is counted, as a JSON list
//!
//! Config: `bucket` (default "default"), `greeting` (default "hello").
//! A failure of the store is answered with status 500 and its reason.

mod host;

use std::io::Write as _;
use wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

wasi::http::proxy::export!(Counter);

struct Counter;

const PREFIX: &str = "count:";

struct Answer {
    status: u16,
    body: String,
}

fn answer(method: &Method, path: &str) -> Result<Answer, String> {
    let bucket = host::Bucket::open(&host::config("bucket")?.unwrap_or("default".into()))?;
    let key = format!("{PREFIX}{path}");
    let body = match (method, path) {
        (Method::Get, "/keys") => {
            let mut paths: Vec<String> = bucket
                .keys()?
                .iter()
                .filter_map(|k| k.strip_prefix(PREFIX).map(json_text))
                .collect();
            paths.sort();
            format!("[{}]\n", paths.join(","))
        }
        (Method::Get | Method::Head | Method::Post, _) => {
            let count = bucket.increment(&key, 1)?;
            let greeting = host::config("greeting")?.unwrap_or("hello".into());
            format!(
                "{{\"greeting\":{},\"path\":{},\"count\":{count}}}\n",
                json_text(&greeting),
                json_text(path)
            )
        }
        (Method::Delete, _) => {
            bucket.delete(&key)?;
            format!("{{\"path\":{},\"count\":0}}\n", json_text(path))
        }
        _ => {
            return Ok(Answer { status: 405, body: "{\"error\":\"method not allowed\"}\n".into() })
        }
    };
    Ok(Answer { status: 200, body })
}

/// The text as a JSON string.
fn json_text(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl wasi::exports::http::incoming_handler::Guest for Counter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or("/".into());
        let path = target.split('?').next().unwrap_or("/");
        let Answer { status, body } = answer(&request.method(), path).unwrap_or_else(|reason| {
            Answer { status: 500, body: format!("{{\"error\":{}}}\n", json_text(&reason)) }
        });
        respond(out, status, body.as_bytes());
    }
}

fn respond(out: ResponseOutparam, status: u16, body: &[u8]) {
    let headers = Fields::from_list(&[
        ("content-type".into(), b"application/json".to_vec()),
        ("content-length".into(), body.len().to_string().into_bytes()),
    ])
    .expect("both headers are allowed");
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("the status is in range");
    let sink = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    // The client may be gone by now: that is not this component's failure.
    let written = sink.write().is_ok_and(|mut stream| {
        stream.write_all(body).and_then(|()| std::io::Write::flush(&mut stream)).is_ok()
    });
    if written {
        let _ = OutgoingBody::finish(sink, None);
    }
}
